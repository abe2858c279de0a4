#include "uploads/rsync_process.h"

#include <csignal>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace flashpods::uploads {

namespace asio = boost::asio;

RsyncProcess::RsyncProcess(Executor executor)
    : end_(executor, asio::steady_timer::time_point::max()) {}

void RsyncProcess::start(Child child) {
  child_ = std::move(child);
  pid_ = child_.pid;
}

void RsyncProcess::adopt(pid_t process, std::function<bool()> is_live) {
  pid_ = process;
  is_live_ = std::move(is_live);
  send(SIGCONT);
}

void RsyncProcess::send(int number) const {
  if (pid_ > 0 && !ended_) ::kill(-pid_, number);
}

void RsyncProcess::signal(int number) {
  signalled_ = true;
  held_ = false;
  send(number);
  pass();
}

void RsyncProcess::hold(bool held) {
  if (held == held_ || (held && signalled_)) return;
  held_ = held;
  send(held ? SIGSTOP : SIGCONT);
}

void RsyncProcess::pass() {
  if (!held_) send(SIGCONT);
}

Awaitable<ChildExit> RsyncProcess::await_end() {
  const auto exit = co_await wait_child(std::move(child_));
  ended_ = true;
  end_.cancel();
  co_return exit;
}

Awaitable<void> RsyncProcess::pause(Milliseconds at_most) {
  end_.expires_after(at_most);
  co_await end_.async_wait(asio::as_tuple(asio::use_awaitable));
  if (is_live_) ended_ = !is_live_();
}

}  // namespace flashpods::uploads
