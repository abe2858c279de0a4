#pragma once

#include <filesystem>

namespace flashpods::shim {

/// Starts a process that does nothing but have the job's output open: our stdout and stderr, which
/// are its FIFOs. What is in a FIFO is gone with the last process that has it open, and a container
/// can end while neither shim nor daemon lives to read it. It ends when exit.json says that all of
/// the output is in the log, or with the job's directory. A copy of ours, it costs little more than
/// an entry in the process table. Call before anything that has threads.
void start_output_keeper(const std::filesystem::path& directory);

}  // namespace flashpods::shim
