#pragma once

#include <map>
#include <optional>
#include <sys/types.h>

namespace flashpods::shim {

/// Reaps every child, started or inherited: the shim is a child subreaper, so conmon, podman's
/// cleanup and, if conmon is killed, the container's init come to it.
class Children {
 public:
  /// Makes the calling process the reaper of its descendants' orphans (prctl(2)).
  static void become_subreaper();

  /// Takes all that have ended by now.
  void reap();

  /// The wait status (waitpid(2)) of a child that ended; nothing if it runs or was never ours.
  [[nodiscard]] std::optional<int> status(pid_t pid);

 private:
  std::map<pid_t, int> ended_;
};

}  // namespace flashpods::shim
