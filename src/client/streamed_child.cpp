#include "client/streamed_child.h"

#include <algorithm>
#include <array>
#include <memory>
#include <signal.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "process/platform.h"

namespace flashpods::client {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto kGrace = std::chrono::seconds(2);

/// One child under way. Lives until the child is reaped, also when who asked for it is cancelled.
class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(const Executor& executor, Command command, OnOutput on_output)
      : command_(std::move(command)),
        on_output_(std::move(on_output)),
        out_(executor),
        err_(executor),
        done_(executor, asio::steady_timer::time_point::max()) {}

  Result<void> start() {
    auto out = open_pipe();
    auto err = open_pipe();
    if (!out) return std::unexpected(std::move(out.error()));
    if (!err) return std::unexpected(std::move(err.error()));
    ChildOptions options;
    options.argv = command_.argv;
    options.env = command_.env;
    options.working_directory = command_.working_directory;
    options.descriptors = {{(*out)[1].get(), 1}, {(*err)[1].get(), 2}};
    auto child = start_child(options);
    if (!child) return std::unexpected(std::move(child.error()));
    pid_ = child->pid;
    child_ = std::move(*child);
    out_.assign((*out)[0].release());
    err_.assign((*err)[0].release());
    return {};
  }

  Awaitable<void> finish() {
    using boost::asio::experimental::awaitable_operators::operator&&;
    const auto self = shared_from_this();
    co_await (reap() && read_output() && read_errors());
    is_done_ = true;
    done_.cancel();
  }

  Awaitable<void> wait(std::chrono::steady_clock::duration limit) {
    if (is_done_) co_return;
    if (limit != std::chrono::steady_clock::duration::max()) done_.expires_after(limit);
    error_code ignored;
    co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  void signal_group(int number) const {
    if (!reaped_) ::kill(-pid_, number);
  }

  [[nodiscard]] bool is_done() const { return is_done_; }
  [[nodiscard]] CommandResult& result() { return result_; }
  void silence() {
    on_output_ = [](std::string_view) {};
  }

 private:
  Awaitable<void> reap() {
    const auto exit = co_await wait_child(std::move(child_));
    reaped_ = true;
    result_.signal = exit.signal;
    if (exit.signal == 0) result_.exit_code = exit.code;
  }

  Awaitable<void> read_output() {
    std::array<char, 8192> piece{};
    for (error_code error; !error;) {
      const auto size = co_await out_.async_read_some(
          asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
      if (size > 0) on_output_({piece.data(), size});
    }
  }

  Awaitable<void> read_errors() {
    std::array<char, 8192> piece{};
    for (error_code error; !error;) {
      const auto size = co_await err_.async_read_some(
          asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
      const auto room = command_.max_output - std::min(command_.max_output, result_.err.size());
      result_.err.append(piece.data(), std::min(size, room));
    }
  }

  Command command_;
  OnOutput on_output_;
  Child child_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  bool is_done_ = false;
  asio::posix::stream_descriptor out_;
  asio::posix::stream_descriptor err_;
  asio::steady_timer done_;
  CommandResult result_;
};

}  // namespace

Awaitable<Result<CommandResult>> run_streamed(Command command, OnOutput on_output) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto run = std::make_shared<Run>(executor, std::move(command), std::move(on_output));
  if (auto started = run->start(); !started) co_return std::unexpected(started.error());
  asio::co_spawn(executor, run->finish(), [run](std::exception_ptr) {});
  // Of the whole task, not of this function alone: whoever called us must be cancellable as before.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await run->wait(std::chrono::steady_clock::duration::max());
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (run->is_done()) co_return std::move(run->result());
  run->silence();
  run->signal_group(SIGTERM);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await run->wait(kGrace);
  run->signal_group(SIGKILL);
  co_await run->wait(std::chrono::steady_clock::duration::max());
  throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace flashpods::client
