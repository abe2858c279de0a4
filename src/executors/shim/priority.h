#pragma once
// Jobs come after the daemon and the rest of the host: when memory runs out, and when the
// processors are busy.

#include <nlohmann/json_fwd.hpp>

namespace flashpods::shim {

/// Lowers a container's claims in its OCI configuration:
/// - process.oomScoreAdj is 500 above ours (at most 1000), so that the kernel kills a job rather
/// than
///   the daemon (proc_pid_oom_score_adj(5)). Raising it needs no privilege;
/// - half the default weight among its cgroup's siblings (linux.resources.cpu.shares), where
///   podman has set a CPU quota and so cgroups hold. On a rootless host with cgroup v1 they do not.
void lower_priority(nlohmann::json& config);

/// Raises the nice value of the calling process and of all that it starts by 5 (nice(2)). This
/// holds without cgroups too; RLIMIT_NICE of a job lets it lower the value no more.
void become_nicer();

}  // namespace flashpods::shim
