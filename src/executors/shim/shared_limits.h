#pragma once
// What the kernel counts for a user, and so for all of that user's jobs together: none may take
// another's share.

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"

namespace flashpods::shim {

/// Gives conmon(8) and what it starts one keyring for all jobs of the user. A user may have only
/// kernel.keys.maxkeys (200) keyrings, and podman's own, which this takes the place of, may hold
/// what is not a job's.
[[nodiscard]] Result<void> join_common_keyring();

/// conmon's argument by which the OCI runtime makes no keyring for a container.
inline constexpr const char* kNoNewKeyring = "--no-new-keyring";

/// Sets the resource limits of an OCI configuration (getrlimit(2)), where ours are not lower, and
/// the number of pseudo terminals (64), which the kernel counts for the host:
/// - at most `processes` processes and threads, counted in the container's own user namespace:
///   --pids-limit does nothing on a rootless host with cgroup v1;
/// - at most half as many open descriptors as we may have, and no more than 16384: those in flight
///   between sockets count for the user;
/// - queued signals, bytes in POSIX message queues and locked memory, which the kernel counts
///   for the user;
/// - no core files, and no priority above the one a job starts with.
void limit_shared(nlohmann::json& config, std::int64_t processes);

}  // namespace flashpods::shim
