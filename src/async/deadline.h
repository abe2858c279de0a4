#pragma once

#include "async/awaitable.h"
#include "async/notifier.h"
#include "async/timer.h"
#include "base/clock.h"

namespace flashpods {

/// A moment by the clock that never jumps. It may be moved while coroutines wait for it. One
/// thread; clock and timer outlive it, and it outlives whoever waits.
class Deadline {
 public:
  /// Never, until it is set.
  Deadline(const Clock& clock, Timer& timer, const Executor& executor);

  /// So long from now.
  void set(Milliseconds from_now);

  /// At the latest so long from now: an earlier deadline stays.
  void bring_forward(Milliseconds from_now);

  /// Returns once the deadline has passed. Cancellable.
  Awaitable<void> passed();

 private:
  const Clock& clock_;
  Timer& timer_;
  Notifier moved_;
  Milliseconds at_ = Milliseconds::max();
};

}  // namespace flashpods
