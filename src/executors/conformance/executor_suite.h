#pragma once
// One suite for every implementation of jobs::Executor. An implementation's test program links it
// and instantiates ExecutorSuite with a factory.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "async/blocking_pool.h"
#include "async/task_group.h"
#include "async/timer.h"
#include "base/random.h"
#include "jobs/executor.h"
#include "process/command_runner.h"
#include "telemetry/log.h"

namespace flashpods::executors {

/// What an executor is made of; the suite owns it.
struct SuiteParts {
  flashpods::Executor executor;
  CommandRunner& runner;
  BlockingPool& pool;
  Timer& timer;
  TaskGroup& tasks;
  Log& log;
  std::string instance;
};

struct ExecutorUnderTest {
  std::string name;
  std::string image;  ///< has /bin/sh and busybox
  /// Why it cannot be tested here; nothing if it can.
  std::function<std::optional<std::string>()> unusable;
  std::function<std::unique_ptr<jobs::Executor>(const SuiteParts&)> make;
};

void PrintTo(const ExecutorUnderTest& executor, std::ostream* out);

/// A daemon's life: an event loop with one executor on it, which can be ended and begun again.
class Daemon {
 public:
  Daemon(const ExecutorUnderTest& kind, std::string instance);
  ~Daemon();

  /// Runs a task to its end; fails the test after a minute.
  template <class T>
  T run(Awaitable<T> task);
  jobs::Executor& executor() { return *executor_; }

 private:
  void turn_until(const bool& done);

  boost::asio::io_context io_{1};
  SystemClock clock_;
  SystemTimer timer_;
  Log log_{clock_, 2, LogLevel::kError};
  BlockingPool pool_{2};
  std::unique_ptr<CommandRunner> runner_ = make_command_runner();
  TaskGroup tasks_;
  std::unique_ptr<jobs::Executor> executor_;
};

class ExecutorSuite : public testing::TestWithParam<ExecutorUnderTest> {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// A worker of its own directory, no network, a minute to live.
  jobs::ContainerSpec worker(std::string command);
  /// launch, wait_exited, wait_removed.
  jobs::Exited run(const jobs::ContainerSpec& spec);
  /// The same, and stopped as soon as its log has this text.
  jobs::Exited run_and_stop(const jobs::ContainerSpec& spec, const std::string& text);
  void launch(const jobs::ContainerSpec& spec);
  jobs::Exited wait(const jobs::ContainerSpec& spec);
  static std::string log_of(const jobs::ContainerSpec& spec);
  /// Turns the loop until the log holds `text`.
  void wait_for_output(const jobs::ContainerSpec& spec, const std::string& text);
  void restart_daemon();
  std::size_t containers();

  SystemRandom random_;
  std::string instance_;
  std::filesystem::path directory_;
  std::unique_ptr<Daemon> daemon_;
  std::vector<jobs::ContainerSpec> specs_;
};

// What the task leaves is shared: one that has not ended in time may still end later.
template <class T>
T Daemon::run(Awaitable<T> task) {
  struct State {
    std::optional<T> value;
    bool done = false;
  };
  const auto state = std::make_shared<State>();
  boost::asio::co_spawn(io_, std::move(task), [state](std::exception_ptr error, T result) {
    if (error) std::rethrow_exception(error);
    state->value = std::move(result);
    state->done = true;
  });
  turn_until(state->done);
  if (!state->done) throw std::runtime_error("the task did not end within a minute");
  return std::move(*state->value);
}

template <>
inline void Daemon::run(Awaitable<void> task) {
  const auto done = std::make_shared<bool>(false);
  boost::asio::co_spawn(io_, std::move(task), [done](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
    *done = true;
  });
  turn_until(*done);
  if (!*done) throw std::runtime_error("the task did not end within a minute");
}

}  // namespace flashpods::executors
