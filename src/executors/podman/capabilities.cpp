#include "executors/podman/capabilities.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace flashpods::executors {

namespace {

using nlohmann::json;

/// The value at a path like "/host/cgroupVersion"; null if any part is missing.
json at(const json& value, const char* path) {
  const json::json_pointer pointer(path);
  return value.contains(pointer) ? value.at(pointer) : json();
}

std::string text(const json& value, const char* path) {
  const auto found = at(value, path);
  return found.is_string() ? found.get<std::string>() : std::string();
}

bool lists(const json& array, const char* word) {
  return array.is_array() && std::ranges::find(array, word) != array.end();
}

}  // namespace

std::optional<Capabilities> parse_podman_info(std::string_view output) {
  const auto parsed = parse_json(output);
  if (!parsed || !parsed->is_object() || !parsed->contains("host")) return std::nullopt;
  Capabilities result;
  result.podman_version = text(*parsed, "/version/Version");
  result.oci_runtime = text(*parsed, "/host/ociRuntime/name");
  result.storage_driver = text(*parsed, "/store/graphDriverName");
  result.cgroup_version = text(*parsed, "/host/cgroupVersion");
  result.rootless = at(*parsed, "/host/security/rootless") == true;
  result.has_slirp4netns = !text(*parsed, "/host/slirp4netns/executable").empty();
  const auto controllers = at(*parsed, "/host/cgroupControllers");
  const bool delegated =
      result.cgroup_version == "v2" && lists(controllers, "cpu") && lists(controllers, "memory");
  const bool root = at(*parsed, "/host/security/rootless") == false;
  result.limits_hold = root || delegated;
  return result;
}

}  // namespace flashpods::executors
