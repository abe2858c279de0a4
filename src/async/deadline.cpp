#include "async/deadline.h"

#include <algorithm>

#include "async/with_timeout.h"

namespace flashpods {

namespace {

/// A timer of the event loop counts nanoseconds: "never" would overflow.
constexpr Milliseconds kLongestSleep = std::chrono::hours{24};

}  // namespace

Deadline::Deadline(const Clock& clock, Timer& timer, const Executor& executor)
    : clock_(clock), timer_(timer), moved_(executor) {}

void Deadline::set(Milliseconds from_now) {
  at_ = clock_.monotonic() + from_now;
  moved_.notify();
}

void Deadline::bring_forward(Milliseconds from_now) {
  if (clock_.monotonic() + from_now < at_) set(from_now);
}

Awaitable<void> Deadline::passed() {
  for (;;) {
    const Milliseconds left = at_ - clock_.monotonic();
    if (left <= Milliseconds{0}) co_return;
    co_await with_timeout(timer_, std::min(left, kLongestSleep), moved_.wait());
  }
}

}  // namespace flashpods
