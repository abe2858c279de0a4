#pragma once
// For tests.

#include <chrono>
#include <future>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "async/awaitable.h"

namespace flashpods {

/// Runs a coroutine to its end on a loop of its own; its value, or its exception.
template <class T>
T run_coroutine(Awaitable<T> coroutine) {
  boost::asio::io_context loop{1};
  auto result = boost::asio::co_spawn(loop, std::move(coroutine), boost::asio::use_future);
  loop.run();
  return result.get();
}

}  // namespace flashpods
