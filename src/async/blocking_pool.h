#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/awaitable.h"

namespace flashpods {

/// A few threads for what blocks: hashing, archives, walking and removing trees. Domain state stays
/// on the loop's thread; a job given here must own or copy all it touches.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads) : pool_(threads) {}

  /// Runs `function` on a pool thread; the caller resumes on its own executor with the value, or
  /// with the exception. Not cancellable: it waits for the end.
  template <class Function>
  Awaitable<std::invoke_result_t<Function>> run(Function function) {
    // Without a slot of its own: Boost 1.81 passes a cancellation on to the pool's thread by a
    // reference, which dangles if the function ends first.
    return boost::asio::co_spawn(pool_.get_executor(), call(std::move(function)),
                                 boost::asio::bind_cancellation_slot(
                                     boost::asio::cancellation_slot(), boost::asio::use_awaitable));
  }

  /// Waits for what is under way; nothing may be started afterwards.
  void join() { pool_.join(); }

 private:
  template <class Function>
  static Awaitable<std::invoke_result_t<Function>> call(Function function) {
    co_return function();
  }

  boost::asio::thread_pool pool_;
};

}  // namespace flashpods
