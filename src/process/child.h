#pragma once

#include <functional>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "async/awaitable.h"
#include "base/error.h"
#include "base/fd.h"

namespace flashpods {

/// How to start a long-lived child. Descriptors are borrowed for the call only.
struct ChildOptions {
  std::vector<std::string> argv;  ///< as Command::argv
  std::map<std::string, std::string> env;
  std::string working_directory = "/";
  /// {descriptor here, number there}: e.g. {{log_fd, 2}, {socket, 0}}. Unnamed ones of 0, 1, 2 are
  /// /dev/null; everything else is closed.
  std::vector<std::pair<int, int>> descriptors;
  /// setsid(2): outlives us and our terminal. Without it the child leads its own process group.
  bool new_session = false;
  /// Runs in the child between fork and exec: only async-signal-safe calls (landlock, prlimit,
  /// sigaction). Signals are back to normal by then; descriptors of ours above the named numbers
  /// are still open, but not after exec. Returns 0, or an errno that start_child reports.
  std::function<int()> before_exec;
};

/// A running child that we must reap: pid and pidfd. Destroying it neither kills nor waits.
struct Child {
  pid_t pid = -1;
  Fd pidfd;
};

/// How a child ended.
struct ChildExit {
  int code = 0;    ///< exit code if signal == 0
  int signal = 0;  ///< else the signal
};

/// fork and exec. An exec that fails is reported here (kUnavailable "command_not_found" or
/// kInternal), not by a mysterious exit code.
[[nodiscard]] Result<Child> start_child(const ChildOptions& options);

/// Waits on the pidfd without blocking the loop and reaps. Where the loop does not take the pidfd,
/// it looks now and then.
Awaitable<ChildExit> wait_child(Child child);

}  // namespace flashpods
