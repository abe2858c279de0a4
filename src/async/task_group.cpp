#include "async/task_group.h"

#include <cassert>
#include <exception>
#include <list>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace flashpods {

namespace asio = boost::asio;

struct TaskGroup::State {
  State(Executor e, OnError handler)
      : executor(std::move(e)), on_error(std::move(handler)), idle(executor) {}

  Executor executor;
  OnError on_error;
  asio::steady_timer idle;  // never expires; cancelled when the last task has ended
  std::list<asio::cancellation_signal> tasks;
  bool closing = false;
};

namespace {

void report(const TaskGroup::OnError& on_error, const std::string& name, std::exception_ptr error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::operation_aborted) on_error(name, e.what());
  } catch (const std::exception& e) {
    on_error(name, e.what());
  }
}

}  // namespace

TaskGroup::TaskGroup(Executor executor, OnError on_error)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_error))) {}

TaskGroup::~TaskGroup() { assert(state_->tasks.empty()); }

void TaskGroup::start(std::string name, Awaitable<void> task) {
  if (state_->closing) return;
  const auto signal = state_->tasks.emplace(state_->tasks.end());
  auto ended = [state = state_, signal, name = std::move(name)](std::exception_ptr error) {
    state->tasks.erase(signal);
    if (state->tasks.empty()) state->idle.cancel();
    report(state->on_error, name, error);
  };
  asio::co_spawn(state_->executor, std::move(task),
                 asio::bind_cancellation_slot(signal->slot(), std::move(ended)));
}

std::size_t TaskGroup::running() const { return state_->tasks.size(); }

Awaitable<void> TaskGroup::close() {
  const auto state = state_;
  state->closing = true;
  // Emitting may end tasks at once and so erase list nodes: each is looked at before it can go.
  for (auto it = state->tasks.begin(); it != state->tasks.end();) {
    auto& signal = *it++;
    signal.emit(asio::cancellation_type::terminal);
  }
  co_await join();
}

Awaitable<void> TaskGroup::join() {
  const auto state = state_;
  while (!state->tasks.empty()) {
    boost::system::error_code cancelled;
    state->idle.expires_at(asio::steady_timer::time_point::max());
    co_await state->idle.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

}  // namespace flashpods
