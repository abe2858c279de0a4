#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "executors/shim/podman_tool.h"

namespace flashpods::shim {

/// The argument under which this program is the one that counts.
inline constexpr const char* kDiskUseArgument = "--disk-use";

/// Bytes on disk of these trees, and of files that the container's processes hold open though they
/// have no name any more. Counted by a process of our own program, since a tree of a million files
/// takes seconds, while output must flow. Nothing if it could not be counted, or not within
/// `limits`. `init`: the container's PID 1, or 0.
[[nodiscard]] std::optional<std::uint64_t> disk_use(PodmanTool& tool, const ToolLimits& limits,
                                                    pid_t init,
                                                    const std::vector<std::string>& trees);

/// That process: `arguments` are PID 1 and the trees. Prints a number. Returns the exit status.
int run_disk_use(const std::vector<std::string>& arguments);

}  // namespace flashpods::shim
