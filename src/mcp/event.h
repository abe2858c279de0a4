#pragma once

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "async/awaitable.h"

namespace flashpods::mcp {

/// Something that happens once. Any number of coroutines of one thread may wait for it.
class Event {
 public:
  explicit Event(const Executor& executor)
      : timer_(executor, boost::asio::steady_timer::time_point::max()) {}

  void set() {
    is_set_ = true;
    timer_.cancel();
  }
  [[nodiscard]] bool is_set() const { return is_set_; }

  /// Returns once it is set; throws operation_aborted if the waiting task is cancelled first.
  Awaitable<void> wait() {
    boost::system::error_code ignored;
    if (is_set_) co_return;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    if (!is_set_) throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

 private:
  boost::asio::steady_timer timer_;
  bool is_set_ = false;
};

}  // namespace flashpods::mcp
