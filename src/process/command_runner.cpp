#include "process/command_runner.h"

#include <signal.h>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "process/command_run.h"

namespace flashpods {

namespace asio = boost::asio;

namespace {

class RealCommandRunner final : public CommandRunner {
 public:
  // A child that does not read its input must not end us.
  RealCommandRunner() { ::signal(SIGPIPE, SIG_IGN); }
  Awaitable<Result<CommandResult>> run(Command command) override;
};

/// Completed by the run itself, which cancellation of the waiting coroutine does not reach.
struct Completion {
  explicit Completion(const Executor& executor)
      : timer(executor, asio::steady_timer::time_point::max()) {}
  asio::steady_timer timer;
  bool done = false;
};

Awaitable<void> wait(std::shared_ptr<Completion> completion) {
  boost::system::error_code cancelled;
  if (completion->done) co_return;
  co_await completion->timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

Awaitable<Result<CommandResult>> RealCommandRunner::run(Command command) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto process = std::make_shared<CommandRun>(executor, std::move(command));
  if (auto started = process->start(); !started) co_return std::unexpected(started.error());
  const auto completion = std::make_shared<Completion>(executor);
  asio::co_spawn(executor, process->finish(), [completion](std::exception_ptr) {
    completion->done = true;
    completion->timer.cancel();
  });
  // Of the whole task, not of this function alone: whoever called us must be cancellable as before.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await wait(completion);
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (completion->done) co_return std::move(process->result());
  process->signal_group(SIGKILL);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await wait(completion);
  throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace

std::unique_ptr<CommandRunner> make_command_runner() {
  return std::make_unique<RealCommandRunner>();
}

}  // namespace flashpods
