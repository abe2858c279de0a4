#include "async/retry.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace flashpods {

Awaitable<std::optional<std::string>> failure_of(Awaitable<void> work) {
  try {
    co_await std::move(work);
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) throw;
    co_return error.what();
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return std::nullopt;
}

Awaitable<void> retry(Timer& timer, std::function<Awaitable<void>()> begin,
                      std::function<void(const std::string& what)> on_failure, RetryPauses pauses) {
  for (auto pause = pauses.first;; pause = std::min(2 * pause, pauses.longest)) {
    const auto failure = co_await failure_of(begin());
    if (!failure) co_return;
    on_failure(*failure);
    co_await timer.sleep_for(pause);
  }
}

}  // namespace flashpods
