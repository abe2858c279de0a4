#include "simulation/scheduler.h"

#include <algorithm>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

namespace flashpods::simulation {

namespace asio = boost::asio;

Scheduler::Scheduler(std::uint64_t seed, Trace& trace) : random_(seed), trace_(trace) {}

bool Scheduler::chance(int percent) { return static_cast<int>(below(100)) < percent; }

std::size_t Scheduler::below(std::size_t bound) { return random_() % bound; }

Awaitable<void> Scheduler::step(Owner owner, std::string_view what) {
  co_await wait_for({.owner = owner, .what = what, .ready = {}, .wake = nullptr});
}

Awaitable<void> Scheduler::wait(Owner owner, std::string_view what, std::function<bool()> ready) {
  co_await wait_for({.owner = owner, .what = what, .ready = std::move(ready), .wake = nullptr});
}

Awaitable<void> Scheduler::sleep(Owner owner, Milliseconds duration) {
  co_await wait_for({.owner = owner,
                     .what = "sleep",
                     .ready = {},
                     .not_before = clock_.monotonic() + duration,
                     .wake = nullptr});
}

Awaitable<void> Scheduler::wait_for(Waiting waiting) {
  if (waiting.owner == Owner::kDaemon && !daemon_lives_) throw Killed{};
  asio::steady_timer wake(loop_, asio::steady_timer::time_point::max());
  waiting.wake = &wake;
  waiting_.push_back(&waiting);
  boost::system::error_code ignored;
  co_await wake.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  std::erase(waiting_, &waiting);
  if (waiting.killed) throw Killed{};
  if (!waiting.picked) throw boost::system::system_error(asio::error::operation_aborted);
}

void Scheduler::settle() {
  loop_.restart();
  while (loop_.poll() > 0) loop_.restart();
}

bool Scheduler::is_ready(const Waiting& waiting) const {
  return !waiting.picked && !waiting.killed && waiting.not_before <= clock_.monotonic() &&
         (!waiting.ready || waiting.ready());
}

std::size_t Scheduler::ready_steps() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(waiting_, [this](const Waiting* w) { return is_ready(*w); }));
}

void Scheduler::pick() {
  std::vector<Waiting*> ready;
  std::ranges::copy_if(waiting_, std::back_inserter(ready),
                       [this](const Waiting* w) { return is_ready(*w); });
  Waiting& chosen = *ready[below(ready.size())];
  if (chosen.what != "sleep") trace_.add(chosen.what);
  chosen.picked = true;
  chosen.wake->cancel();
}

bool Scheduler::pass_time() {
  std::optional<Milliseconds> next;
  for (const Waiting* waiting : waiting_) {
    if (waiting->not_before <= clock_.monotonic()) continue;
    next = std::min(next.value_or(waiting->not_before), waiting->not_before);
  }
  if (!next) return false;
  clock_.advance(*next - clock_.monotonic());
  if (trace_.prints()) trace_.add("time passes:", fmt::format("{} ms", next->count()));
  return true;
}

void Scheduler::kill_daemon() {
  daemon_lives_ = false;
  for (Waiting* waiting : waiting_) {
    if (waiting->owner != Owner::kDaemon) continue;
    waiting->killed = true;
    waiting->wake->cancel();
  }
  settle();
}

}  // namespace flashpods::simulation
