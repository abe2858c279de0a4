#include "process/command_run.h"

#include <algorithm>
#include <array>
#include <signal.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "async/event_loop.h"
#include "process/platform.h"

namespace flashpods {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto kGrace = std::chrono::seconds(2);
constexpr std::size_t kPiece = 16384;

void keep(std::string& text, const char* bytes, std::size_t size, std::size_t limit) {
  text.append(bytes, std::min(size, limit - std::min(limit, text.size())));
}

}  // namespace

CommandRun::CommandRun(Executor executor, Command command)
    : command_(std::move(command)),
      in_(executor),
      out_(executor),
      err_(executor),
      deadline_(executor) {}

Result<void> CommandRun::start() {
  auto in = open_pipe();
  auto out = open_pipe();
  auto err = open_pipe();
  for (const auto* pipe : {&in, &out, &err}) {
    if (!*pipe) return std::unexpected(pipe->error());
  }
  ChildOptions options;
  options.argv = command_.argv;
  options.env = command_.env;
  options.working_directory = command_.working_directory;
  options.descriptors = {{(*out)[1].get(), 1}, {(*err)[1].get(), 2}};
  if (!command_.input.empty()) options.descriptors.emplace_back((*in)[0].get(), 0);
  if (auto taken = take_ends((*in)[1], (*out)[0], (*err)[0]); !taken) return taken;
  auto child = start_child(options);
  if (!child) return std::unexpected(child.error());
  child_ = std::move(*child);
  pid_ = child_.pid;
  return {};
}

/// Registers our ends of the pipes before there is a child that somebody would have to end.
Result<void> CommandRun::take_ends(Fd& in, Fd& out, Fd& err) {
  const std::string what = "Cannot run '" + command_.argv[0] + "'";
  auto taken = assign(out_, out, what);
  if (taken) taken = assign(err_, err, what);
  if (taken && !command_.input.empty()) taken = assign(in_, in, what);
  return taken;
}

// A program that does not read its input closes the pipe; SIGPIPE is ignored (command_runner.cpp).
Awaitable<void> CommandRun::feed() {
  if (!in_.is_open()) co_return;
  error_code ignored;
  co_await asio::async_write(in_, asio::buffer(command_.input),
                             asio::redirect_error(asio::use_awaitable, ignored));
  in_.close(ignored);
}

Awaitable<void> CommandRun::collect(asio::posix::stream_descriptor& pipe, std::string& text) {
  std::array<char, kPiece> piece;
  error_code error;
  while (!error && !reaped_) {
    const auto size = co_await pipe.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    keep(text, piece.data(), size, command_.max_output);
  }
  if (error == asio::error::eof) co_return;
  // The child is gone: all that it wrote is in the pipe already.
  pipe.non_blocking(true, error);
  while (!error) {
    const auto size = pipe.read_some(asio::buffer(piece), error);
    keep(text, piece.data(), size, command_.max_output);
  }
}

void CommandRun::signal_group(int number) const {
  if (!reaped_) ::kill(-pid_, number);
}

Awaitable<void> CommandRun::enforce_timeout() {
  if (!command_.timeout || reaped_) co_return;
  error_code cancelled;
  deadline_.expires_after(*command_.timeout);
  co_await deadline_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (reaped_) co_return;
  result_.timed_out = true;
  signal_group(SIGTERM);
  deadline_.expires_after(kGrace);
  co_await deadline_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  signal_group(SIGKILL);
}

Awaitable<void> CommandRun::reap() {
  const auto exit = co_await wait_child(std::move(child_));
  reaped_ = true;
  result_.signal = exit.signal;
  if (exit.signal == 0) result_.exit_code = exit.code;
  deadline_.cancel();
  error_code ignored;
  for (auto* pipe : {&in_, &out_, &err_}) pipe->cancel(ignored);
}

Awaitable<void> CommandRun::finish() {
  using boost::asio::experimental::awaitable_operators::operator&&;
  const auto self = shared_from_this();
  co_await (reap() && enforce_timeout() && feed() && collect(out_, result_.out) &&
            collect(err_, result_.err));
}

}  // namespace flashpods
