#include <utility>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "mcp/backend.h"
#include "mcp/job_report.h"
#include "mcp/json_rpc.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

using nlohmann::json;

constexpr std::string_view kDescription = "List jobs, optionally filtered by status.";

constexpr std::string_view kInput = R"({
  "type": "object",
  "properties": {
    "status": {
      "type": "string",
      "enum": ["all", "running", "completed", "failed"]
    },
    "limit": {"type": "integer", "default": 20},
    "cursor": {
      "type": "string",
      "description": "next_cursor of the answer before, for older jobs"
    }
  }
})";

constexpr std::string_view kOutput = R"({
  "type": "object",
  "properties": {
    "jobs": {
      "type": "array",
      "items": {
        "type": "object",
        "properties": {
          "job_id": {"type": ["string", "null"]},
          "client_job_id": {"type": ["string", "null"]},
          "type": {"type": ["string", "null"]},
          "name": {"type": ["string", "null"]},
          "command": {"type": ["string", "null"]},
          "status": {"type": "string"},
          "outcome": {"type": ["string", "null"]},
          "is_over": {"type": "boolean"},
          "created_at": {"type": ["string", "null"]},
          "elapsed_seconds": {"type": ["integer", "null"]},
          "duration": {"type": ["string", "null"]},
          "exit_code": {"type": ["integer", "null"]},
          "cause": {"type": ["string", "null"]},
          "artifact_count": {"type": "integer"},
          "rejected_artifact_count": {"type": "integer"}
        },
        "required": ["job_id", "status"]
      }
    },
    "next_cursor": {"type": ["string", "null"]}
  },
  "required": ["jobs", "next_cursor"]
})";

constexpr std::int64_t kMostJobs = 100;

Result<client::JobQuery> read_arguments(const json& object) {
  JsonReader reader{object};
  client::JobQuery query;
  query.status = reader.optional_string("status").value_or("");
  query.limit = static_cast<int>(reader.optional_integer("limit", 1, kMostJobs).value_or(20));
  query.cursor = reader.optional_string("cursor").value_or("");
  auto finished = reader.finish();
  if (!finished) return std::unexpected(std::move(finished.error()));
  return query;
}

std::string row_text(const json& row) {
  std::string text = text_member(row, "job_id") + "  " + text_member(row, "status");
  if (row["exit_code"].is_number()) text += " (" + row["exit_code"].dump() + ")";
  if (row["duration"].is_string()) text += "  " + text_member(row, "duration");
  if (row["name"].is_string()) text += "  " + text_member(row, "name");
  return text + "  " + text_member(row, "command") + "\n";
}

ToolReply make_reply(const json& reply) {
  json object{{"jobs", json::array()}, {"next_cursor", member(reply, "next_cursor")}};
  std::string text;
  for (const auto& job : member(reply, "jobs")) {
    object["jobs"].push_back(summarize_job(job));
    text += row_text(object["jobs"].back());
  }
  if (text.empty()) text = "no such jobs";
  if (object["next_cursor"].is_string()) {
    text += "more with cursor \"" + text_member(object, "next_cursor") + "\"";
  }
  return {std::move(text), std::make_shared<const json>(std::move(object))};
}

Awaitable<Result<ToolReply>> handle(Call& call) {
  auto query = read_arguments(call.arguments);
  if (!query) co_return std::unexpected(std::move(query.error()));
  const auto api = co_await call.backend.api();
  if (!api) co_return std::unexpected(api.error());
  const auto reply = co_await (*api)->jobs(std::move(*query));
  if (!reply) co_return std::unexpected(reply.error());
  co_return make_reply(*reply);
}

}  // namespace

Tool list_jobs_tool() {
  return {"list_jobs", "List jobs", kDescription,
          kInput,      kOutput,     {.read_only = true, .destructive = false, .idempotent = true},
          false,       handle};
}

}  // namespace flashpods::mcp
