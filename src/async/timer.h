#pragma once

#include "async/awaitable.h"
#include "base/clock.h"

namespace flashpods {

/// Waiting as an injected dependency: the real one uses the event loop, the simulator a heap.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Returns after `duration`; at once if it is not positive. Throws operation_aborted
  /// (boost::system::system_error) if the awaiting task is cancelled.
  virtual Awaitable<void> sleep_for(Milliseconds duration) = 0;
};

class SystemTimer final : public Timer {
 public:
  Awaitable<void> sleep_for(Milliseconds duration) override;
};

}  // namespace flashpods
