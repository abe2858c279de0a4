#pragma once
// What of /proc and /sys a container does not see, and what it cannot write.

#include <nlohmann/json_fwd.hpp>

namespace flashpods::shim {

/// Adds to linux.maskedPaths and linux.readonlyPaths of an OCI configuration what the newest Podman
/// and Docker have there, of which an older podman knows less. Adds the kernel's command line, too,
/// which tells of the host's boot. It removes no path.
void mask_paths(nlohmann::json& config);

}  // namespace flashpods::shim
