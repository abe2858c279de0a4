#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "cli/doctor/check.h"

namespace flashpods::cli {

/// What `podman info --format json` tells, judged: version, rootless, cgroups, OCI runtime, storage
/// driver, network. Pure.
[[nodiscard]] Checks check_podman_info(const nlohmann::json& info);

/// The published holes of podman and of what it runs a container with (advisories.h). Distributions
/// mend old versions: `podman_package` is podman's package version, empty if unknown. Pure.
[[nodiscard]] Checks check_container_advisories(const nlohmann::json& info,
                                                std::string_view podman_package);

/// When podman is missing (`detail` says so) or `podman info` itself failed with `detail`.
[[nodiscard]] Check podman_missing();
[[nodiscard]] Check podman_broken(const std::string& detail);

}  // namespace flashpods::cli
