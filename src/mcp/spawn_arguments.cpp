#include "mcp/spawn_arguments.h"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "client/local_paths.h"

namespace flashpods::mcp {

using nlohmann::json;

namespace {

constexpr std::int64_t kMost = 1'000'000'000;

/// files of the call, before its path is resolved.
struct Files {
  std::string local_path;
  std::vector<std::string> exclude;
};

struct Arguments {
  json job = json::object();
  std::optional<Files> files;
  bool gitignore = false;
};

template <class T>
void put(json& job, const char* name, const std::optional<T>& value) {
  if (value) job[name] = *value;
}

void put_map(json& job, const char* name, const std::map<std::string, std::string>& values) {
  if (!values.empty()) job[name] = values;
}

void read_what_to_run(JsonReader& reader, JobType type, json& job) {
  if (type == JobType::kWorker) {
    job["type"] = "worker";
    job["command"] = reader.string("command");
    put(job, "image", reader.optional_string("image"));
    put(job, "cpus", reader.optional_integer("cpus", 1, kMost));
    put(job, "memory_gb", reader.optional_integer("memory_gb", 1, kMost));
    return;
  }
  job["type"] = "agent";
  job["task"] = reader.string("task");
  put(job, "context", reader.optional_string("context"));
  job["git_branch"] = reader.string("git_branch");
}

void read_common(JsonReader& reader, json& job) {
  put(job, "timeout_minutes", reader.optional_integer("timeout_minutes", 1, kMost));
  for (const auto* name : {"workspace", "network", "client_job_id", "name", "files_id"}) {
    put(job, name, reader.optional_string(name));
  }
  put(job, "read_only_root", reader.optional_bool("read_only_root"));
  put(job, "keep_minutes", reader.optional_integer("keep_minutes", 1, kMost));
  put_map(job, "env", reader.string_map("env"));
  put_map(job, "labels", reader.string_map("labels"));
}

Result<std::optional<Files>> read_files(JsonReader& reader, JobType type) {
  const auto* object = reader.optional_object("files");
  if (object == nullptr) return std::nullopt;
  JsonReader nested{*object, "files."};
  Files files;
  files.local_path = nested.string("local_path");
  files.exclude = nested.optional_strings("exclude").value_or(
      type == JobType::kAgent ? client::agent_excludes() : client::default_excludes());
  auto finished = nested.finish();
  if (!finished) return std::unexpected(std::move(finished.error()));
  return files;
}

Result<Arguments> read_arguments(const json& object, JobType type) {
  Arguments arguments;
  JsonReader reader{object};
  read_what_to_run(reader, type, arguments.job);
  read_common(reader, arguments.job);
  arguments.gitignore = reader.optional_bool("gitignore").value_or(false);
  auto files = read_files(reader, type);
  if (!files) return std::unexpected(std::move(files.error()));
  arguments.files = std::move(*files);
  auto finished = reader.finish();
  if (!finished) return std::unexpected(std::move(finished.error()));
  if (arguments.files && arguments.job.contains("files_id")) {
    return fail(ErrorKind::kInvalid, "invalid_field",
                "give files (to send a directory) or files_id (sent already), not both");
  }
  return arguments;
}

}  // namespace

Awaitable<Result<SpawnRequest>> read_spawn_arguments(Call& call, JobType type) {
  auto arguments = read_arguments(call.arguments, type);
  if (!arguments) co_return std::unexpected(std::move(arguments.error()));
  auto& job = arguments->job;
  if (!job.contains("client_job_id")) {
    job["client_job_id"] = make_uuid(call.backend.services().random);
  }
  SpawnRequest request;
  request.client_job_id = job["client_job_id"].get<std::string>();
  if (arguments->files) {
    auto rules = co_await call.backend.path_rules(call);
    if (!rules) co_return std::unexpected(std::move(rules.error()));
    auto directory = client::resolve_source(*rules, arguments->files->local_path);
    if (!directory) co_return std::unexpected(std::move(directory.error()));
    request.upload = client::UploadRequest{
        std::move(*directory), std::move(arguments->files->exclude), arguments->gitignore};
  }
  request.job = std::make_shared<const json>(std::move(job));
  co_return request;
}

}  // namespace flashpods::mcp
