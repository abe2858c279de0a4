#pragma once

#include <sys/types.h>
#include <vector>

namespace flashpods::shim {

struct Process {
  pid_t id = 0;
  std::vector<pid_t> threads;  ///< its first one included, whose number is the process's
};

/// A process and all its descendants, the first one first. One that begins or ends meanwhile may be
/// missing, and its descendants then.
[[nodiscard]] std::vector<Process> process_tree(pid_t root);

}  // namespace flashpods::shim
