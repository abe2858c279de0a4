#include "http/deadline.h"

#include <algorithm>
#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace flashpods::http {

using Clock = boost::asio::steady_timer::clock_type;
using Moment = Clock::time_point;

struct Deadline::State {
  State(const Executor& executor, std::function<void()> callback)
      : timer(executor), expire(std::move(callback)) {}

  boost::asio::steady_timer timer;
  std::function<void()> expire;
  Moment due = Moment::max();
  bool waiting = false;
  bool expired = false;
};

Deadline::Deadline(Executor executor, std::function<void()> expire)
    : state_(std::make_shared<State>(executor, std::move(expire))) {}

Deadline::~Deadline() {
  state_->expire = nullptr;
  state_->timer.cancel();
}

void Deadline::arm(Milliseconds after) {
  State& state = *state_;
  const auto now = Clock::now();
  const auto farthest = std::chrono::duration_cast<Milliseconds>(Moment::max() - now);
  state.due = now + std::min(after, farthest);
  state.expired = false;
  if (!state.waiting || state.due < state.timer.expiry()) wait(state_);
}

void Deadline::disarm() {
  state_->due = Moment::max();
  state_->expired = false;
}

void Deadline::cancel() {
  disarm();
  state_->waiting = false;
  state_->timer.cancel();
}

bool Deadline::expired() const { return state_->expired; }

void Deadline::wait(const std::shared_ptr<State>& state) {
  state->waiting = true;
  state->timer.expires_at(state->due);  // ends an earlier wait with operation_aborted
  state->timer.async_wait([state](boost::system::error_code aborted) {
    if (aborted || !state->expire) return;
    state->waiting = false;
    if (state->due == Moment::max()) return;
    if (state->due > Clock::now()) return wait(state);  // moved, perhaps after this was queued
    state->due = Moment::max();
    state->expired = true;
    state->expire();
  });
}

}  // namespace flashpods::http
