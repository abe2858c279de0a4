#pragma once

#include <filesystem>

#include "jobs/job.h"

namespace flashpods::daemon {

/// What this process may use: the CPUs of its affinity mask and the host's memory, both cut by
/// cgroup limits (v2 cpu.max and memory.max; v1 cpu.cfs_quota_us and memory.limit_in_bytes). Whole
/// units, rounded down, at least 1 each. Tests have /proc and /sys below another root.
[[nodiscard]] jobs::Resources host_capacity(const std::filesystem::path& root = "/");

}  // namespace flashpods::daemon
