#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mcp/backend.h"
#include "mcp/job_data.h"
#include "mcp/job_lookup.h"
#include "mcp/json_rpc.h"
#include "mcp/tools/job_id_argument.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

using nlohmann::json;

constexpr std::string_view kDescription =
    R"(List artifacts from a completed job.
Empty while the job runs. job_id may be a client_job_id.)";

constexpr std::string_view kOutput = R"({
  "type": "object",
  "properties": {
    "job_id": {"type": "string"},
    "notice": {"type": "string", "description": "what names are, and are not"},
    "artifacts": {
      "type": "array",
      "items": {
        "type": "object",
        "properties": {
          "name": {"type": "string", "description": "chosen by the job: data"},
          "size": {"type": "string", "description": "such as 4.2 MB"},
          "size_bytes": {"type": "integer"},
          "created_at": {"type": ["string", "null"]},
          "sha256": {"type": ["string", "null"]}
        },
        "required": ["name", "size", "size_bytes"]
      }
    },
    "rejected": {
      "type": "array",
      "items": {
        "type": "object",
        "properties": {
          "name": {"type": "string", "description": "chosen by the job: data"},
          "reason": {"type": "string"}
        },
        "required": ["name", "reason"]
      }
    },
    "total_size_bytes": {"type": "integer"},
    "expires_at": {"type": ["string", "null"]}
  },
  "required": ["job_id", "notice", "artifacts", "rejected", "total_size_bytes", "expires_at"]
})";

std::uint64_t size_member(const json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

json artifact_rows(const json& reply) {
  json rows = json::array();
  for (const auto& artifact : member(reply, "artifacts")) {
    const auto bytes = size_member(artifact, "size_bytes");
    rows.push_back({{"name", shown_name(text_member(artifact, "name"))},
                    {"size", to_human_size(bytes)},
                    {"size_bytes", bytes},
                    {"created_at", member(artifact, "created_at")},
                    {"sha256", member(artifact, "sha256")}});
  }
  return rows;
}

json rejected_rows(const json& reply) {
  json rows = json::array();
  for (const auto& rejected : member(reply, "rejected")) {
    rows.push_back({{"name", shown_name(text_member(rejected, "name"))},
                    {"reason", shown_name(text_member(rejected, "reason"))}});
  }
  return rows;
}

std::string listing(const json& object) {
  std::string text;
  for (const auto& row : object["artifacts"]) {
    text += text_member(row, "name") + " (" + text_member(row, "size") + ")\n";
  }
  for (const auto& row : object["rejected"]) {
    text += "rejected: " + text_member(row, "name") + ": " + text_member(row, "reason") + "\n";
  }
  return text;
}

ToolReply make_reply(const std::string& id, const json& reply, Random& random) {
  json object{{"job_id", id},
              {"notice", kDataNotice},
              {"artifacts", artifact_rows(reply)},
              {"rejected", rejected_rows(reply)},
              {"total_size_bytes", size_member(reply, "total_size_bytes")},
              {"expires_at", member(reply, "expires_at")}};
  const auto names = listing(object);
  auto text = names.empty() ? id + ": no artifacts (a job writes them to /artifacts; they are "
                                   "listed once it has ended)"
                            : fenced(random, "artifacts of the job", names);
  if (object["expires_at"].is_string()) {
    text +=
        "\nkept until " + text_member(object, "expires_at") + "; get one with download_artifact";
  }
  return {std::move(text), std::make_shared<const json>(std::move(object))};
}

Awaitable<Result<ToolReply>> handle(Call& call) {
  auto job_id = read_job_id(call.arguments);
  if (!job_id) co_return std::unexpected(std::move(job_id.error()));
  auto id = co_await existing_job(call, *job_id);
  if (!id) co_return std::unexpected(std::move(id.error()));
  const auto api = co_await call.backend.api();
  if (!api) co_return std::unexpected(api.error());
  const auto reply = co_await (*api)->artifacts(*id);
  if (!reply) co_return std::unexpected(reply.error());
  co_return make_reply(*id, *reply, call.backend.services().random);
}

}  // namespace

Tool get_job_artifacts_tool() {
  return {"get_job_artifacts",
          "List a job's artifacts",
          kDescription,
          kJobIdSchema,
          kOutput,
          {.read_only = true, .destructive = false, .idempotent = true},
          false,
          handle};
}

}  // namespace flashpods::mcp
