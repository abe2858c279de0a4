#include "async/semaphore.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace flashpods {

namespace asio = boost::asio;

Semaphore::Permit Semaphore::try_acquire() {
  if (free_ == 0 || !waiting_.empty()) return {};
  --free_;
  return Permit{*this};
}

Awaitable<Semaphore::Permit> Semaphore::acquire() {
  if (Permit now = try_acquire()) co_return now;
  const Executor executor = co_await asio::this_coro::executor;
  asio::steady_timer turn(executor, asio::steady_timer::time_point::max());
  const auto place = waiting_.insert(waiting_.end(), &turn);
  boost::system::error_code woken;
  co_await turn.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  // Woken by release(), which took us off the list and left the permit to us; or cancelled.
  const auto state = co_await asio::this_coro::cancellation_state;
  const bool cancelled = state.cancelled() != asio::cancellation_type::none;
  if (!cancelled) co_return Permit{*this};
  if (turn.expiry() == asio::steady_timer::time_point::max()) {
    waiting_.erase(place);
  } else {
    release();  // the permit came in the same turn as the cancellation
  }
  throw boost::system::system_error(asio::error::operation_aborted);
}

void Semaphore::release() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  asio::steady_timer* next = waiting_.front();
  waiting_.pop_front();
  next->expires_at(asio::steady_timer::time_point::min());  // also cancels the wait
}

}  // namespace flashpods
