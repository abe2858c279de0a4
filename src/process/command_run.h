#pragma once

#include <memory>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "process/child.h"
#include "process/command_runner.h"

namespace flashpods {

/// One command under way: its pipes, its deadline, what it said so far. Lives until the child is
/// reaped, also when whoever asked for it is cancelled.
class CommandRun : public std::enable_shared_from_this<CommandRun> {
 public:
  CommandRun(Executor executor, Command command);

  [[nodiscard]] Result<void> start();

  /// Reads, writes and waits until the child has ended. What descendants write later is nobody's:
  /// they may keep the pipes open as long as they like.
  Awaitable<void> finish();

  /// Signals the child's process group, unless the child is reaped already.
  void signal_group(int number) const;

  [[nodiscard]] CommandResult& result() { return result_; }

 private:
  [[nodiscard]] Result<void> take_ends(Fd& in, Fd& out, Fd& err);
  Awaitable<void> feed();
  Awaitable<void> collect(boost::asio::posix::stream_descriptor& pipe, std::string& text);
  Awaitable<void> enforce_timeout();
  Awaitable<void> reap();

  Command command_;
  Child child_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  boost::asio::posix::stream_descriptor in_;
  boost::asio::posix::stream_descriptor out_;
  boost::asio::posix::stream_descriptor err_;
  boost::asio::steady_timer deadline_;
  CommandResult result_;
};

}  // namespace flashpods
