#pragma once

#include <functional>
#include <memory>

#include "async/awaitable.h"
#include "base/clock.h"

namespace flashpods::http {

/// Calls `expire` once a moment has passed that was not moved meanwhile. Made for moments that move
/// with every request and seldom come: arming again costs no timer operation unless the new moment
/// is earlier. `expire` never runs after the destructor.
class Deadline {
 public:
  Deadline(Executor executor, std::function<void()> expire);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void arm(Milliseconds after);
  /// Forgets the moment; the timer itself may still wait for it, unseen.
  void disarm();
  /// Forgets the moment and the timer, so that a loop with nothing else to do ends.
  void cancel();
  /// True from the moment it expired until it is armed again.
  [[nodiscard]] bool expired() const;

 private:
  struct State;
  static void wait(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace flashpods::http
