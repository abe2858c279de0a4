#pragma once

#include "jobs/job.h"

namespace flashpods::daemon {

/// What this process may use: the CPUs of its affinity mask and the host's memory, both cut by
/// cgroup limits (v2 cpu.max and memory.max; v1 cpu.cfs_quota_us and memory.limit_in_bytes). Whole
/// units, rounded down, at least 1 each.
[[nodiscard]] jobs::Resources host_capacity();

}  // namespace flashpods::daemon
