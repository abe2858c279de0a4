#include "executors/shim/shim_records.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace flashpods::shim {

namespace {

using jobs::EndCause;
using nlohmann::json;

using Strings = std::vector<std::string>;

constexpr int kVersion = 1;
constexpr std::int64_t kMost = std::int64_t{1} << 53;

constexpr std::array<std::pair<EndCause, std::string_view>, 11> kCauses{{
    {EndCause::kExited, "exited"},
    {EndCause::kSignalled, "signalled"},
    {EndCause::kOomKilled, "oom_killed"},
    {EndCause::kTimedOut, "timed_out"},
    {EndCause::kCancelled, "cancelled"},
    {EndCause::kDiskQuota, "disk_quota"},
    {EndCause::kKernelLimit, "kernel_limit"},
    {EndCause::kImageNotFound, "image_not_found"},
    {EndCause::kImagePullFailed, "image_pull_failed"},
    {EndCause::kStartFailed, "start_failed"},
    {EndCause::kLost, "lost"},
}};

/// A newer version may know causes that we do not: the rest of its record holds all the same.
EndCause read_cause(JsonReader& reader, EndCause if_unknown) {
  const auto found = std::ranges::find(kCauses, reader.string("cause"),
                                       &std::pair<EndCause, std::string_view>::second);
  return found == kCauses.end() ? if_unknown : found->first;
}

json boot_json(const BootTime& boot) {
  return {{"boot", boot.boot}, {"ms", boot.since_boot.count()}};
}

BootTime read_boot(JsonReader& reader, std::string_view name) {
  const json* object = reader.optional_object(name);
  if (object == nullptr) return {};
  JsonReader boot(*object);
  auto id = boot.optional_string("boot").value_or("");
  return {std::move(id), Milliseconds(boot.optional_integer("ms", 0, kMost).value_or(0))};
}

Time read_time(JsonReader& reader, std::string_view name) {
  const auto time = parse_rfc3339(reader.string(name));
  if (!time) reader.reject(name, "must be a time");
  return time.value_or(Time{});
}

/// A newer version may have members that we do not know: only a wrong one is an error.
std::optional<Error> failed(JsonReader& reader) {
  const auto end = reader.finish();
  if (end || end.error().code == "unknown_field") return std::nullopt;
  return Error{ErrorKind::kInvalid, "invalid_record", end.error().message};
}

Result<json> parse_object(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return fail(ErrorKind::kInvalid, "invalid_record", parsed.error().message);
  if (!parsed->is_object()) return fail(ErrorKind::kInvalid, "invalid_record", "It is no object.");
  return parsed;
}

json settings_json(const podman::PodmanSettings& settings) {
  json sockets = json::object();
  for (const auto& socket : settings.sockets) sockets[socket.container] = socket.host;
  return {{"podman", settings.podman},
          {"conmon", settings.conmon},
          {"oci_runtime", settings.oci_runtime},
          {"runtime_memo", settings.runtime_memo},
          {"user", settings.user},
          {"pids_limit", settings.pids_limit},
          {"shm_size_mb", settings.shm_size_mb},
          {"sockets", std::move(sockets)},
          {"private_registries", settings.private_registries},
          {"guard_pulls", settings.guard_pulls},
          {"dns", settings.dns},
          {"isolate_lan", settings.isolate_lan}};
}

podman::PodmanSettings read_settings(JsonReader& reader) {
  podman::PodmanSettings settings;
  const json* object = reader.optional_object("settings");
  if (object == nullptr) return settings;
  JsonReader in(*object, "settings.");
  const auto text = [&in](const char* name, std::string& value) {
    if (auto given = in.optional_string(name)) value = std::move(*given);
  };
  text("podman", settings.podman);
  text("conmon", settings.conmon);
  text("oci_runtime", settings.oci_runtime);
  text("runtime_memo", settings.runtime_memo);
  text("user", settings.user);
  settings.isolate_lan = in.optional_bool("isolate_lan").value_or(settings.isolate_lan);
  settings.pids_limit = in.optional_integer("pids_limit", 1, kMost).value_or(settings.pids_limit);
  settings.shm_size_mb =
      in.optional_integer("shm_size_mb", 1, kMost).value_or(settings.shm_size_mb);
  settings.private_registries = in.optional_strings("private_registries").value_or(Strings{});
  settings.dns = in.optional_strings("dns").value_or(Strings{});
  settings.guard_pulls = in.optional_bool("guard_pulls").value_or(settings.guard_pulls);
  for (auto& [container, host] : in.string_map("sockets")) {
    settings.sockets.push_back({host, container});
  }
  if (auto error = failed(in)) reader.reject(std::move(*error));
  return settings;
}

std::int64_t integer(JsonReader& reader, const char* name, std::int64_t otherwise) {
  return reader.optional_integer(name, 0, kMost).value_or(otherwise);
}

void read_limits(JsonReader& reader, jobs::ContainerSpec& spec) {
  spec.cpus = integer(reader, "cpus", spec.cpus);
  spec.memory_gb = integer(reader, "memory_gb", spec.memory_gb);
  spec.max_log_bytes = static_cast<std::uint64_t>(integer(reader, "max_log_bytes", 0));
  spec.max_disk_bytes = static_cast<std::uint64_t>(integer(reader, "max_disk_bytes", 0));
  spec.min_free_bytes = static_cast<std::uint64_t>(integer(reader, "min_free_bytes", 0));
  spec.start_limit = Seconds(integer(reader, "start_limit", spec.start_limit.count()));
  spec.run_limit = Seconds(integer(reader, "run_limit", spec.run_limit.count()));
  spec.grace = Seconds(integer(reader, "grace", spec.grace.count()));
}

template <class Enum>
Enum enumerator(JsonReader& reader, const char* name, Enum last) {
  return static_cast<Enum>(reader.optional_integer(name, 0, std::to_underlying(last)).value_or(0));
}

json started_json(const jobs::Started& started) {
  return {{"at", to_rfc3339_ms(started.at)},
          {"container_id", started.container_id},
          {"image_digest", started.image_digest}};
}

jobs::Started read_started(JsonReader& reader) {
  jobs::Started started;
  started.at = read_time(reader, "at");
  started.container_id = reader.optional_string("container_id").value_or("");
  started.image_digest = reader.optional_string("image_digest").value_or("");
  return started;
}

}  // namespace

std::string_view cause_word(EndCause cause) {
  return std::ranges::find(kCauses, cause, &std::pair<EndCause, std::string_view>::first)->second;
}

std::string to_text(const JobRecord& record) {
  const auto& spec = record.spec;
  return dump_json({{"version", kVersion},
                    {"job_id", spec.job_id},
                    {"instance", spec.instance},
                    {"type", std::to_underlying(spec.type)},
                    {"image", spec.image},
                    {"command", spec.command},
                    {"env", spec.env},
                    {"cpus", spec.cpus},
                    {"memory_gb", spec.memory_gb},
                    {"network", std::to_underlying(spec.network)},
                    {"workspace", std::to_underlying(spec.workspace)},
                    {"read_only_root", spec.read_only_root},
                    {"log_file", spec.log_file.string()},
                    {"max_log_bytes", spec.max_log_bytes},
                    {"max_disk_bytes", spec.max_disk_bytes},
                    {"min_free_bytes", spec.min_free_bytes},
                    {"start_limit", spec.start_limit.count()},
                    {"run_limit", spec.run_limit.count()},
                    {"grace", spec.grace.count()},
                    {"settings", settings_json(record.settings)},
                    {"launched", boot_json(record.launched)}});
}

Result<JobRecord> parse_job(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return std::unexpected(object.error());
  JsonReader reader(*object);
  JobRecord record;
  auto& spec = record.spec;
  spec.job_id = reader.string("job_id");
  spec.instance = reader.string("instance");
  spec.type = enumerator(reader, "type", jobs::JobType::kAgent);
  spec.image = reader.string("image");
  spec.command = reader.optional_string("command").value_or("");
  spec.env = reader.string_map("env");
  spec.network = enumerator(reader, "network", jobs::Network::kNone);
  spec.workspace = enumerator(reader, "workspace", jobs::Workspace::kReadWrite);
  spec.read_only_root = reader.optional_bool("read_only_root").value_or(false);
  spec.log_file = reader.string("log_file");
  read_limits(reader, spec);
  record.settings = read_settings(reader);
  record.launched = read_boot(reader, "launched");
  if (auto error = failed(reader)) return std::unexpected(std::move(*error));
  return record;
}

std::string to_text(const StartedRecord& record) {
  auto object = started_json(record.started);
  object["version"] = kVersion;
  object["boot"] = boot_json(record.boot);
  return dump_json(object);
}

Result<StartedRecord> parse_started(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return std::unexpected(object.error());
  JsonReader reader(*object);
  StartedRecord record{read_started(reader), read_boot(reader, "boot")};
  if (auto error = failed(reader)) return std::unexpected(std::move(*error));
  return record;
}

std::string to_text(const StopRecord& record) {
  return dump_json({{"version", kVersion},
                    {"cause", cause_word(record.cause)},
                    {"at", to_rfc3339_ms(record.at)},
                    {"message", record.message}});
}

Result<StopRecord> parse_stop(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return std::unexpected(object.error());
  JsonReader reader(*object);
  StopRecord record;
  record.cause = read_cause(reader, EndCause::kCancelled);
  record.at = read_time(reader, "at");
  record.message = reader.optional_string("message").value_or("");
  if (auto error = failed(reader)) return std::unexpected(std::move(*error));
  return record;
}

std::string to_text(const ExitRecord& record) {
  const auto& exited = record.exited;
  json object{{"version", kVersion},
              {"cause", cause_word(exited.cause)},
              {"exit_code", nullptr},
              {"signal", exited.signal},
              {"message", exited.message},
              {"details", exited.details},
              {"log_details", exited.log_details},
              {"started", nullptr},
              {"at", to_rfc3339_ms(exited.at)},
              {"boot", boot_json(record.boot)},
              {"log_bytes", exited.log_bytes},
              {"log_truncated", exited.log_truncated},
              {"log_incomplete", exited.log_incomplete}};
  if (exited.exit_code) object["exit_code"] = *exited.exit_code;
  if (exited.started) object["started"] = started_json(*exited.started);
  return dump_json(object);
}

Result<ExitRecord> parse_exit(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return std::unexpected(object.error());
  JsonReader reader(*object);
  ExitRecord record;
  auto& exited = record.exited;
  exited.cause = read_cause(reader, EndCause::kLost);
  if (const auto code = reader.optional_integer("exit_code", 0, 255)) {
    exited.exit_code = static_cast<int>(*code);
  }
  exited.signal = static_cast<int>(reader.optional_integer("signal", 0, 127).value_or(0));
  exited.message = reader.optional_string("message").value_or("");
  exited.details = reader.optional_string("details").value_or("");
  exited.log_details = reader.optional_string("log_details").value_or("");
  if (const json* started = reader.optional_object("started")) {
    JsonReader in(*started, "started.");
    exited.started = read_started(in);
    if (auto error = failed(in)) reader.reject(std::move(*error));
  }
  exited.at = read_time(reader, "at");
  record.boot = read_boot(reader, "boot");
  exited.log_bytes = static_cast<std::uint64_t>(integer(reader, "log_bytes", 0));
  exited.log_truncated = reader.optional_bool("log_truncated").value_or(false);
  exited.log_incomplete = reader.optional_bool("log_incomplete").value_or(false);
  if (auto error = failed(reader)) return std::unexpected(std::move(*error));
  return record;
}

}  // namespace flashpods::shim
