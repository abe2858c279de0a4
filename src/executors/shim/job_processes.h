#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace flashpods::shim {

/// The job that a process serves or belongs to, at whatever stage its container's start was cut
/// off. Four marks tell, each from a moment on and until the process ends:
/// - podman has the job's id behind `--name`, and so has its child until it calls exec(2);
/// - conmon, and our step before it, are named JOBDIR/conmon, and the output's keeper has JOBDIR as
///   its argument;
/// - the OCI runtime and all that it starts have the job's FIFO as stderr;
/// - the first process of a container has the job's directories mounted.
/// Nothing for other processes, for those that we may not examine, and for those that have ended.
[[nodiscard]] std::optional<std::string> job_of_process(pid_t pid);

/// The process is the keeper of a job's output (output_keeper.h).
[[nodiscard]] bool is_output_keeper(pid_t pid);

/// The jobs of all processes that /proc shows, of whatever instance.
[[nodiscard]] std::set<std::string> jobs_with_processes();

/// The job whose id follows `--name` in podman's arguments, or whose directory holds the `conmon`
/// that the first argument names. `arguments` as in proc_pid_cmdline(5).
[[nodiscard]] std::optional<std::string> job_in_arguments(std::string_view arguments);

/// The job whose stderr FIFO has this path; a removed file's path ends with " (deleted)".
[[nodiscard]] std::optional<std::string> job_of_fifo(std::string_view path);

/// The job that has one of its directories bound into the tree with these mounts
/// (proc_pid_mountinfo(5)), as only its own container has.
[[nodiscard]] std::optional<std::string> job_in_mounts(const std::string& mountinfo);

}  // namespace flashpods::shim
