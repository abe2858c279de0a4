#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace flashpods::shim {

/// The step between podman and conmon. Podman is told that JOBDIR/conmon, a link to this program,
/// is its conmon. So called, the program
/// - puts the job's FIFOs in the place of podman's stdout and stderr, which conmon hands to the
///   container (log driver passthrough): podman's own words never mix with the job's output;
/// - adds the job's environment to the OCI bundle: neither an argv nor podman's environment (which
///   a job's PATH or LD_PRELOAD would change) carries a value;
/// - has the OCI runtime call the hook that limits the container's namespaces and keeps the job off
///   private networks (container_hook.h);
/// - leaves behind what keeps the output until it is in the log (output_keeper.h);
/// - keeps the job to its part of what the kernel counts for a user (shared_limits.h), below the
///   daemon in priority (priority.h), and away from system calls and files that a build does not
///   need (seccomp_profile.h, masked_paths.h);
/// - becomes the real conmon, without podman's exit command: the shim itself sees the end and
/// removes
///   the container. `podman container cleanup` would cost a podman a job, and forgets the exit code
///   of a container whose start no podman lived to note down.
/// Returns only on failure, having said why on stderr.
int run_conmon_stage(int argc, char** argv);

/// What becomes different in the OCI bundle.
struct BundleChange {
  std::map<std::string, std::string> environment;  ///< joins process.env; these values win
  std::string hook;                                ///< program to add as container_hook.h says
  bool close_networks = false;                     ///< container_hook.h
  std::int64_t processes = 2048;                   ///< at most, threads included (shared_limits.h)
};

/// conmon's arguments without --exit-command and --exit-command-arg (conmon(8)).
[[nodiscard]] std::vector<char*> without_exit_command(std::span<char* const> arguments);

[[nodiscard]] Result<std::string> changed_bundle(std::string_view config,
                                                 const BundleChange& change);

}  // namespace flashpods::shim
