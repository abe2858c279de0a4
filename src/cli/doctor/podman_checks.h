#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "cli/doctor/check.h"

namespace flashpods::cli {

/// What `podman info --format json` tells, judged: version, rootless, cgroups, OCI runtime, storage
/// driver, network. Pure.
[[nodiscard]] Checks check_podman_info(const nlohmann::json& info);

/// When podman is missing (`detail` says so) or `podman info` itself failed with `detail`.
[[nodiscard]] Check podman_missing();
[[nodiscard]] Check podman_broken(const std::string& detail);

}  // namespace flashpods::cli
