#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>

#include "base/clock.h"

namespace flashpods::shim {

/// The shim's event loop: poll(2) over a handful of descriptors. The shim reads as one sequence of
/// steps; while a step waits, run_until keeps everything else (output, control) going.
class PollLoop {
 public:
  using Callback = std::function<void()>;

  /// Calls back whenever `fd` is readable or has hung up. Replaces an earlier watch of it.
  void watch(int fd, Callback callback) { watched_[fd] = std::move(callback); }
  void forget(int fd) { watched_.erase(fd); }

  /// Calls back once, at the first turn from `moment` on (since boot).
  void call_at(Milliseconds moment, Callback callback) {
    due_.emplace(moment, std::move(callback));
  }

  /// Turns until `done` holds (true) or the moment `until` (since boot) has passed (false).
  bool run_until(const std::function<bool()>& done, std::optional<Milliseconds> until = {});

  /// Turns for so long.
  void pause(Milliseconds duration);

 private:
  void turn(std::optional<Milliseconds> until);
  void call_due();

  std::map<int, Callback> watched_;
  std::multimap<Milliseconds, Callback> due_;
};

}  // namespace flashpods::shim
