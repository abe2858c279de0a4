#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/timer.h"
#include "base/clock.h"

namespace flashpods {

/// Waits for `work`. What it failed of (std::exception::what), or nothing if it ended well. A
/// cancelled one (operation_aborted) throws on.
Awaitable<std::optional<std::string>> failure_of(Awaitable<void> work);

/// Between two attempts; doubled after each one.
struct RetryPauses {
  Milliseconds first{1'000};
  Milliseconds longest{30'000};
};

/// Runs the coroutine that `begin` makes, again and again until one ends without an exception: the
/// host may lack memory, descriptors or epoll watches for a while. Each run must be able to go on
/// where the last one failed. `on_failure` is told each exception. Ends early only if cancelled.
Awaitable<void> retry(Timer& timer, std::function<Awaitable<void>()> begin,
                      std::function<void(const std::string& what)> on_failure,
                      RetryPauses pauses = {});

}  // namespace flashpods
