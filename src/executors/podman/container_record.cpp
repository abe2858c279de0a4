#include "executors/podman/container_record.h"

#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace flashpods::podman {

namespace {

using nlohmann::json;

const json& member(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string text(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t number(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

bool flag(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::string digest(const json& container) {
  auto image = text(container, "ImageDigest");
  if (!image.empty()) return image;
  const auto id = text(container, "Image");
  return id.empty() || id.contains(':') ? id : "sha256:" + id;
}

}  // namespace

bool ContainerRecord::ended() const {
  return (status == "exited" || status == "stopped") && ever_started() && finished_at &&
         exit_code >= 0;
}

/// Go's zero time is in the year 1 and means none (pkg.go.dev/time#Time).
constexpr Time kFirstTime{Milliseconds{0}};

std::optional<Time> parse_podman_time(std::string_view value) {
  constexpr std::size_t kSeconds = std::string_view("2026-11-21T11:12:02").size();
  if (value.size() <= kSeconds || value.back() != 'Z') return {};
  std::string fraction(value.substr(kSeconds, value.size() - kSeconds - 1));
  if (fraction.empty()) fraction = ".";
  fraction.resize(4, '0');
  const auto time = parse_rfc3339(std::string(value.substr(0, kSeconds)) + fraction + 'Z');
  return time && *time >= kFirstTime ? time : std::nullopt;
}

std::optional<ContainerRecord> parse_inspect(std::string_view output) {
  const auto parsed = parse_json(output);
  if (!parsed || !parsed->is_array() || parsed->size() != 1) return std::nullopt;
  const auto& container = parsed->front();
  const auto& state = member(container, "State");
  if (!state.is_object()) return std::nullopt;
  ContainerRecord record;
  record.id = text(container, "Id");
  record.image_digest = digest(container);
  record.instance = text(member(member(container, "Config"), "Labels"), "flashpods-instance");
  record.status = text(state, "Status");
  record.started_at = parse_podman_time(text(state, "StartedAt"));
  record.finished_at = parse_podman_time(text(state, "FinishedAt"));
  record.exit_code = number(state, "ExitCode");
  record.oom_killed = flag(state, "OOMKilled");
  record.pid = static_cast<pid_t>(number(state, "Pid"));
  record.root_layer = text(member(member(container, "GraphDriver"), "Data"), "UpperDir");
  record.own_files = text(container, "StaticDir");
  return record;
}

std::optional<std::vector<jobs::Observed>> parse_list(std::string_view output) {
  const auto parsed = parse_json(output);
  if (!parsed) return std::nullopt;
  if (parsed->is_null()) return std::vector<jobs::Observed>{};
  if (!parsed->is_array()) return std::nullopt;
  std::vector<jobs::Observed> list;
  for (const auto& container : *parsed) {
    auto job_id = text(member(container, "Labels"), "flashpods-job-id");
    if (job_id.empty()) continue;
    list.push_back(
        {std::move(job_id), text(container, "Id"), text(container, "State") == "running"});
  }
  return list;
}

}  // namespace flashpods::podman
