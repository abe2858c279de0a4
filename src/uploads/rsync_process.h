#pragma once

#include <functional>
#include <sys/types.h>

#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.h"
#include "base/clock.h"
#include "process/child.h"

namespace flashpods::uploads {

/// A running rsync daemon process: a child of ours, or one that the previous daemon left.
class RsyncProcess {
 public:
  explicit RsyncProcess(Executor executor);

  void start(Child child);
  /// `is_live` says whether a process that is no child of ours still runs.
  void adopt(pid_t process, std::function<bool()> is_live);

  [[nodiscard]] Executor executor() { return end_.get_executor(); }
  /// -1 before start() or adopt().
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ended() const { return ended_; }

  /// Sends a signal to the process and all in its group, unless it has ended; they run, to notice
  /// it, and are never held again. May be called at any time.
  void signal(int number);

  /// Keeps them from running, or lets them go on. Whoever holds a process lets go of it; adopt()
  /// does where its last daemon could not.
  void hold(bool held);

  /// Lets go on whom a FileGate stopped, unless they are held.
  void pass();

  /// Of a child: until it has ended. Call once.
  Awaitable<ChildExit> await_end();

  /// Waits for its end, at most so long.
  Awaitable<void> pause(Milliseconds at_most);

 private:
  void send(int number) const;

  boost::asio::steady_timer end_;  ///< cancelled when the process ends
  Child child_;
  pid_t pid_ = -1;
  bool ended_ = false;
  bool held_ = false;
  bool signalled_ = false;
  std::function<bool()> is_live_;  ///< only of one that was adopted
};

}  // namespace flashpods::uploads
