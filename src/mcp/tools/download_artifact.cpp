#include <utility>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/text.h"
#include "client/download.h"
#include "mcp/backend.h"
#include "mcp/job_data.h"
#include "mcp/job_lookup.h"
#include "mcp/json_rpc.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

using nlohmann::json;

constexpr std::string_view kDescription =
    R"(Download an artifact to local filesystem.
Without save_to it goes to ./.flashpods/JOB/NAME. Checked by SHA-256; no exec bit is set; an
existing file is kept unless overwrite is true. A large one may need several calls with the same
arguments.)";

constexpr std::string_view kInput = R"({
  "type": "object",
  "properties": {
    "job_id": {"type": "string"},
    "artifact_name": {"type": "string"},
    "save_to": {
      "type": "string",
      "description": "Local path to save file"
    },
    "overwrite": {
      "type": "boolean",
      "default": false,
      "description": "Replace an existing file"
    }
  },
  "required": ["job_id", "artifact_name"]
})";

constexpr std::string_view kOutput = R"({
  "type": "object",
  "properties": {
    "job_id": {"type": "string"},
    "artifact_name": {"type": "string"},
    "complete": {"type": "boolean", "description": "false: call again with the same arguments"},
    "path": {"type": ["string", "null"]},
    "size_bytes": {"type": ["integer", "null"]},
    "sha256": {"type": ["string", "null"]},
    "message": {"type": ["string", "null"]}
  },
  "required": ["job_id", "artifact_name", "complete", "path", "size_bytes", "sha256", "message"]
})";

constexpr Milliseconds kAnswerWithin{35'000};

struct Arguments {
  std::string job_id;
  std::string name;
  std::string save_to;
  bool overwrite = false;
};

Result<Arguments> read_arguments(const json& object) {
  JsonReader reader{object};
  Arguments arguments;
  arguments.job_id = reader.string("job_id");
  arguments.name = reader.string("artifact_name");
  arguments.save_to = reader.optional_string("save_to").value_or("");
  arguments.overwrite = reader.optional_bool("overwrite").value_or(false);
  auto finished = reader.finish();
  if (!finished) return std::unexpected(std::move(finished.error()));
  return arguments;
}

/// get_job_artifacts shows names with controls made visible: such a name is the real one's, too.
Awaitable<std::string> real_name(client::Api& api, std::string job_id, std::string shown) {
  const auto reply = co_await api.artifacts(std::move(job_id));
  if (!reply) co_return shown;
  for (const auto& artifact : member(*reply, "artifacts")) {
    auto name = text_member(artifact, "name");
    if (shown_name(name) == shown) co_return name;
  }
  co_return shown;
}

ToolReply saved(const Arguments& arguments, const client::Downloaded& file) {
  const auto path = file.path.string();
  json object{{"job_id", arguments.job_id}, {"artifact_name", shown_name(arguments.name)},
              {"complete", true},           {"path", path},
              {"size_bytes", file.bytes},   {"sha256", file.sha256},
              {"message", nullptr}};
  auto text = "saved " + to_human_size(file.bytes) + " to " + shown_name(path) + "\nsha256 " +
              file.sha256 +
              "\nThe file comes from the job: check it before you run it"
              " (chmod +x).";
  return {std::move(text), std::make_shared<const json>(std::move(object))};
}

ToolReply incomplete(const Arguments& arguments, const std::string& message) {
  json object{{"job_id", arguments.job_id}, {"artifact_name", shown_name(arguments.name)},
              {"complete", false},          {"path", nullptr},
              {"size_bytes", nullptr},      {"sha256", nullptr},
              {"message", message}};
  return {message, std::make_shared<const json>(std::move(object))};
}

Awaitable<Result<ToolReply>> download(Call& call, client::Api& api, Arguments arguments) {
  const auto& services = call.backend.services();
  auto rules = co_await call.backend.path_rules(call);
  if (!rules) co_return std::unexpected(std::move(rules.error()));
  arguments.name = co_await real_name(api, arguments.job_id, arguments.name);
  auto target = client::resolve_target(*rules, arguments.save_to, arguments.job_id, arguments.name);
  if (!target) co_return std::unexpected(std::move(target.error()));
  client::DownloadRequest request{arguments.job_id, arguments.name, std::move(*target),
                                  arguments.overwrite, kAnswerWithin};
  client::OnDownloaded on_progress = [&call](std::uint64_t bytes, std::uint64_t total) {
    call.progress(static_cast<double>(bytes), static_cast<double>(total), "downloading");
  };
  auto file = co_await client::download_artifact(api, services.timer, services.pool,
                                                 std::move(request), std::move(on_progress));
  if (file) co_return saved(arguments, *file);
  if (file.error().code == "download_incomplete") {
    co_return incomplete(arguments, file.error().message);
  }
  co_return std::unexpected(std::move(file.error()));
}

Awaitable<Result<ToolReply>> handle(Call& call) {
  auto arguments = read_arguments(call.arguments);
  if (!arguments) co_return std::unexpected(std::move(arguments.error()));
  auto id = co_await existing_job(call, arguments->job_id);
  if (!id) co_return std::unexpected(std::move(id.error()));
  arguments->job_id = std::move(*id);
  const auto api = co_await call.backend.api();
  if (!api) co_return std::unexpected(api.error());
  co_return co_await download(call, **api, std::move(*arguments));
}

}  // namespace

Tool download_artifact_tool() {
  return {"download_artifact",
          "Download an artifact",
          kDescription,
          kInput,
          kOutput,
          {.read_only = false, .destructive = true, .idempotent = false},
          true,
          handle};
}

}  // namespace flashpods::mcp
