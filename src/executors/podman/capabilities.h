#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace flashpods::executors {

/// What this host's podman can do, for /health and `flashpods doctor`.
struct Capabilities {
  std::string podman_version;
  std::string oci_runtime;
  std::string storage_driver;
  std::string cgroup_version;  ///< "v1" or "v2"
  bool rootless = false;
  bool has_slirp4netns = false;
  /// --cpus and --memory hold: cgroup v2 with both controllers delegated to us, or root.
  bool limits_hold = false;
  bool lan_isolation = false;  ///< asked for, and this kernel lets us (tried in a namespace)
};

/// Reads the output of `podman info --format json`; nothing if it is not that.
[[nodiscard]] std::optional<Capabilities> parse_podman_info(std::string_view json);

}  // namespace flashpods::executors
