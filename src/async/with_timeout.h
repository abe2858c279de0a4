#pragma once

#include <optional>
#include <utility>

#include "async/race.h"
#include "async/timer.h"

namespace flashpods {

/// The operation's value, or nothing if `limit` passed first; the loser is cancelled and awaited.
/// An exception of the operation reaches the caller at once.
template <class T>
Awaitable<std::optional<T>> with_timeout(Timer& timer, Milliseconds limit, Awaitable<T> operation) {
  return race(std::move(operation), timer.sleep_for(limit));
}

/// Same for an operation without a value: true if it finished in time.
inline Awaitable<bool> with_timeout(Timer& timer, Milliseconds limit, Awaitable<void> operation) {
  return race(std::move(operation), timer.sleep_for(limit));
}

}  // namespace flashpods
