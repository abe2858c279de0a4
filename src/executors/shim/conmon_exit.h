#pragma once

#include <filesystem>
#include <optional>

#include "base/clock.h"

namespace flashpods::shim {

/// How a container's init ended, as conmon(8) wrote it into its exit directory.
struct ConmonExit {
  int code = 0;  ///< 128 + N for an init that signal N ended
  Time at{};     ///< the file's time: up to a tick of the kernel before the end
};

/// Reads the exit file by the link in the job's directory. Nothing as long as there is none, or
/// where it holds no code.
[[nodiscard]] std::optional<ConmonExit> read_conmon_exit(const std::filesystem::path& directory);

}  // namespace flashpods::shim
