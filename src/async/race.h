#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/awaitable.h"

namespace flashpods {

namespace detail {

template <class T>
Awaitable<std::optional<T>> as_optional(Awaitable<T> operation) {
  co_return std::optional<T>(co_await std::move(operation));
}

inline Awaitable<bool> as_true(Awaitable<void> operation) {
  co_await std::move(operation);
  co_return true;
}

}  // namespace detail

/// The operation's value, or nothing if `end` returned first. The loser is cancelled and awaited.
/// An exception ends the race too and reaches the caller, whoever threw it.
template <class T>
Awaitable<std::optional<T>> race(Awaitable<T> operation, Awaitable<void> end) {
  namespace asio = boost::asio;
  const auto executor = co_await asio::this_coro::executor;
  auto [order, failure, value, end_failure] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, detail::as_optional(std::move(operation)), asio::deferred),
          asio::co_spawn(executor, std::move(end), asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::deferred);
  const bool ended = order[0] == 1;
  if (const auto& thrown = ended ? end_failure : failure) std::rethrow_exception(thrown);
  if (ended) co_return std::nullopt;
  co_return std::move(value);
}

/// Same for an operation without a value: true if it finished first.
inline Awaitable<bool> race(Awaitable<void> operation, Awaitable<void> end) {
  co_return (co_await race(detail::as_true(std::move(operation)), std::move(end))).has_value();
}

}  // namespace flashpods
