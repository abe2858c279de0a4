#pragma once

#include <filesystem>

namespace flashpods::shim {

/// The name under which this program is the keeper of a job's output.
inline constexpr const char* kOutputKeeper = "flashpods-output-keeper";

/// Starts a process that holds the job's FIFOs open until its end is noted: what the job wrote
/// stays in them while daemon and shim are dead. A job has one keeper at a time; a second one ends
/// at once, so every shim may start one.
void start_output_keeper(const std::filesystem::path& directory);

/// That process. Returns the exit status.
int run_output_keeper(const std::filesystem::path& directory);

}  // namespace flashpods::shim
