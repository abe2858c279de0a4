#include "store/event_hub.h"

#include <vector>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace flashpods {

namespace asio = boost::asio;

EventWatch::EventWatch(std::shared_ptr<Watches> watches, std::string subject,
                       const Executor& executor)
    : watches_(std::move(watches)),
      subject_(std::move(subject)),
      wake_(executor, asio::steady_timer::time_point::max()) {}

EventWatch::~EventWatch() {
  const std::scoped_lock lock(watches_->mutex);
  watches_->all.erase({subject_, this});
}

Awaitable<void> EventWatch::changed() {
  while (!changed_) {
    boost::system::error_code woken;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  changed_ = false;
}

void EventWatch::notify() {
  changed_ = true;
  wake_.cancel();
}

EventHub::EventHub() : watches_(std::make_shared<EventWatch::Watches>()) {}

std::shared_ptr<EventWatch> EventHub::watch(std::string subject, const Executor& executor) {
  const std::shared_ptr<EventWatch> watch(new EventWatch(watches_, std::move(subject), executor));
  const std::scoped_lock lock(watches_->mutex);
  watches_->all.emplace(std::pair{watch->subject_, watch.get()}, watch);
  return watch;
}

void EventHub::publish(const std::string& subject) {
  std::vector<std::shared_ptr<EventWatch>> found;  // outlives the lock: a destructor takes it too
  {
    const std::scoped_lock lock(watches_->mutex);
    auto each = watches_->all.lower_bound({subject, nullptr});
    for (; each != watches_->all.end() && each->first.first == subject; ++each) {
      if (auto watch = each->second.lock()) found.push_back(std::move(watch));
    }
  }
  for (auto& watch : found) {
    const Executor executor = watch->wake_.get_executor();
    asio::post(executor, [watch = std::move(watch)] { watch->notify(); });
  }
}

}  // namespace flashpods
