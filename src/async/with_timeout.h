#pragma once

#include <optional>
#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "async/timer.h"

namespace flashpods {

/// The operation's value, or nothing if `limit` passed first; the loser is cancelled and awaited.
template <class T>
Awaitable<std::optional<T>> with_timeout(Timer& timer, Milliseconds limit, Awaitable<T> operation) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto first = co_await (std::move(operation) || timer.sleep_for(limit));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return std::nullopt;
}

/// Same for an operation without a value: true if it finished in time.
inline Awaitable<bool> with_timeout(Timer& timer, Milliseconds limit, Awaitable<void> operation) {
  using boost::asio::experimental::awaitable_operators::operator||;
  const auto first = co_await (std::move(operation) || timer.sleep_for(limit));
  co_return first.index() == 0;
}

}  // namespace flashpods
