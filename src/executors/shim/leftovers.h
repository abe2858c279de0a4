#pragma once

#include <string>

#include "executors/shim/poll_loop.h"

namespace flashpods::shim {

/// Kills every process of this job (job_processes.h). It is needed where a start was cut off or
/// podman lost its record: `podman rm` then forgets the container and leaves an OCI runtime behind
/// that waits for its start for ever. Returns whether there was one: it may have forked meanwhile,
/// so look again a little later (kLeftoversPause).
[[nodiscard]] bool end_leftovers_once(const std::string& job_id);

/// Looks until there is none, for ten seconds at most.
void end_leftovers(PollLoop& loop, const std::string& job_id);

/// The same, but the output's keeper lives on: what the job wrote is not in the log yet.
void end_writers(PollLoop& loop, const std::string& job_id);

/// How long those who were killed need to go, and how often to look until they have.
inline constexpr Milliseconds kLeftoversPause{10};
inline constexpr int kLeftoversLooks = 1000;

}  // namespace flashpods::shim
