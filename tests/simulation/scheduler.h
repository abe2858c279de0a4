#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <random>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.h"
#include "async/timer.h"
#include "base/clock.h"
#include "simulation/trace.h"

namespace flashpods::simulation {

/// Thrown into every coroutine of a process that is killed, where it waits.
struct Killed : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "killed"; }
};

/// Whose coroutine waits: what a kill of the daemon ends, and what goes on.
enum class Owner : std::uint8_t { kDaemon, kWorld };

/// Decides, from one seed, in which order things happen. Whatever takes time (a commit, a rename, a
/// message, a sleep) is a step: its coroutine waits until the scheduler picks it. Between steps,
/// code runs to its next wait undisturbed, as on the daemon's one thread. One thread.
class Scheduler {
 public:
  Scheduler(std::uint64_t seed, Trace& trace);

  [[nodiscard]] boost::asio::io_context& loop() { return loop_; }
  [[nodiscard]] FakeClock& clock() { return clock_; }
  [[nodiscard]] Trace& trace() { return trace_; }

  /// Waits to be picked.
  Awaitable<void> step(Owner owner, std::string_view what);
  /// Waits until `ready` holds, then to be picked.
  Awaitable<void> wait(Owner owner, std::string_view what, std::function<bool()> ready);
  /// Waits until so much time has passed.
  Awaitable<void> sleep(Owner owner, Milliseconds duration);

  /// Runs all that can run without a choice.
  void settle();
  /// How many steps could be picked now.
  [[nodiscard]] std::size_t ready_steps() const;
  /// Picks one of them. Needs one.
  void pick();
  /// Moves the clock to where the next sleeper wakes; false if nobody sleeps.
  bool pass_time();

  /// Every waiting coroutine of the daemon, and each that would wait from now on, ends by Killed.
  void kill_daemon();
  /// The same before the next step, for where code of the daemon runs right now.
  void kill_daemon_soon() { daemon_dies_ = true; }
  [[nodiscard]] bool daemon_dies() const { return daemon_dies_; }
  /// A new daemon may wait again.
  void start_daemon() {
    daemon_lives_ = true;
    daemon_dies_ = false;
  }

  /// True in `percent` of 100 cases.
  [[nodiscard]] bool chance(int percent);
  /// 0 … bound-1.
  [[nodiscard]] std::size_t below(std::size_t bound);

 private:
  struct Waiting {
    Owner owner;
    std::string_view what;
    std::function<bool()> ready;  ///< empty: always
    Milliseconds not_before{0};
    boost::asio::steady_timer* wake;
    bool picked = false;
    bool killed = false;
  };

  Awaitable<void> wait_for(Waiting waiting);
  [[nodiscard]] bool is_ready(const Waiting& waiting) const;

  std::mt19937_64 random_;
  Trace& trace_;
  boost::asio::io_context loop_{1};
  FakeClock clock_;
  std::vector<Waiting*> waiting_;
  bool daemon_lives_ = true;
  bool daemon_dies_ = false;
};

/// The daemon's timer.
class SimulatedTimer final : public Timer {
 public:
  explicit SimulatedTimer(Scheduler& scheduler) : scheduler_(scheduler) {}
  Awaitable<void> sleep_for(Milliseconds duration) override {
    return scheduler_.sleep(Owner::kDaemon, duration);
  }

 private:
  Scheduler& scheduler_;
};

}  // namespace flashpods::simulation
