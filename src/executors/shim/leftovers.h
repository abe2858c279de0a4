#pragma once

#include <string>

#include "executors/shim/poll_loop.h"

namespace flashpods::shim {

/// Ends conmon of this job and what it holds: needed where podman was killed before it noted that
/// it made them. `podman rm` then forgets the container and leaves an OCI runtime behind that waits
/// for its start for ever. conmon is known by its name, the link in the job's directory; what a
/// conmon left that was killed itself, by the mounts from that directory or by its stderr. Returns
/// whether there was a conmon: it may have forked meanwhile, so look again a little later
/// (kLeftoversPause).
[[nodiscard]] bool end_leftovers_once(const std::string& job_id);

/// Looks until there is none, for ten seconds at most.
void end_leftovers(PollLoop& loop, const std::string& job_id);

/// How long those who were killed need to go, and how often to look until they have.
inline constexpr Milliseconds kLeftoversPause{10};
inline constexpr int kLeftoversLooks = 1000;

/// Whether a process with these mounts (/proc/PID/mountinfo) has one of the job's directories bound
/// into its own tree, as only the job's container has.
[[nodiscard]] bool has_mounted(const std::string& mountinfo, const std::string& job_id);

}  // namespace flashpods::shim
