#pragma once

#include <filesystem>

#include "base/fd.h"

namespace flashpods::shim {

/// The whole program flashpods-shim for one job's directory: takes the lock (another shim has it:
/// returns quietly), brings the job to its end, removes the container. `control` is a connected
/// socket of whoever started us, or nothing. Returns the exit code.
int run_shim(const std::filesystem::path& directory, Fd control);

}  // namespace flashpods::shim
