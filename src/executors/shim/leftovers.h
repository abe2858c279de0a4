#pragma once

#include <filesystem>
#include <string>

#include "executors/shim/poll_loop.h"

namespace flashpods::shim {

/// Ends the conmon of the job in `directory` and what it holds: needed where podman was killed
/// before it noted that it made them. `podman rm` then forgets the container and leaves an OCI
/// runtime behind that waits for its start for ever. conmon is known by its name, the link in the
/// job's directory; what a conmon left that was killed itself, by the mounts from that directory.
/// Gives up after ten seconds; nothing to do where there is none.
void end_leftovers(PollLoop& loop, const std::filesystem::path& directory);

/// Whether a process with these mounts (/proc/PID/mountinfo) has one of the job's directories bound
/// into its own tree, as only the job's container has.
[[nodiscard]] bool has_mounted(const std::string& mountinfo, const std::string& job_id);

}  // namespace flashpods::shim
