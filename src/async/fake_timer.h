#pragma once
// For tests: time passes only when the test says so.

#include <list>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "async/timer.h"

namespace flashpods {

/// Sleeps by a FakeClock. Must outlive its sleepers.
class FakeTimer final : public Timer {
 public:
  explicit FakeTimer(FakeClock& clock) : clock_(clock) {}

  /// Moves the clock and wakes whose time has come; they go on when the loop runs.
  void advance(Milliseconds by) {
    clock_.advance(by);
    for (Sleeper* sleeper : sleepers_) {
      if (sleeper->until <= clock_.monotonic()) sleeper->wake.cancel();
    }
  }

  Awaitable<void> sleep_for(Milliseconds duration) override {
    if (duration <= Milliseconds{0}) co_return;
    const auto executor = co_await boost::asio::this_coro::executor;
    Sleeper sleeper{clock_.monotonic() + duration, {executor, Wake::time_point::max()}};
    const auto place = sleepers_.insert(sleepers_.end(), &sleeper);
    boost::system::error_code woken;
    co_await sleeper.wake.async_wait(
        boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    sleepers_.erase(place);
    if (sleeper.until <= clock_.monotonic()) co_return;
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

 private:
  using Wake = boost::asio::steady_timer;
  struct Sleeper {
    Milliseconds until;
    Wake wake;
  };

  FakeClock& clock_;
  std::list<Sleeper*> sleepers_;
};

}  // namespace flashpods
