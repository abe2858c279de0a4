#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/awaitable.h"

namespace flashpods {

/// Wakes everyone who waits for a condition to become true; each looks again by itself:
///   while (!done) co_await changed.wait();
class Notifier {
 public:
  explicit Notifier(const Executor& executor)
      : timer_(executor, boost::asio::steady_timer::time_point::max()) {}

  void notify() { timer_.cancel(); }

  /// Returns after the next notify(). The caller keeps the notifier alive.
  Awaitable<void> wait() {
    boost::system::error_code notified;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, notified));
  }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace flashpods
