#include <cerrno>
#include <chrono>
#include <sys/wait.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "process/child.h"

namespace flashpods {

namespace asio = boost::asio;

namespace {

/// How soon a child's end is seen while the loop takes no further descriptor.
constexpr std::chrono::milliseconds kLook{50};

/// waitpid(2), which EINTR does not end: 0 if WNOHANG was given and the child still runs.
pid_t wait_for(pid_t child, int& status, int options) {
  pid_t ended = -1;
  do {
    ended = ::waitpid(child, &status, options);
  } while (ended < 0 && errno == EINTR);
  return ended;
}

}  // namespace

Awaitable<ChildExit> wait_child(Child child) {
  const Executor executor = co_await asio::this_coro::executor;
  int status = 0;
  while (wait_for(child.pid, status, WNOHANG) == 0) {
    asio::posix::stream_descriptor handle(executor);
    boost::system::error_code refused;
    handle.assign(child.pidfd.get(), refused);
    if (!refused) {
      (void)child.pidfd.release();
      co_await handle.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
      wait_for(child.pid, status, 0);
      break;
    }
    asio::steady_timer look(executor, kLook);
    co_await look.async_wait(asio::use_awaitable);
  }
  ChildExit exit;
  if (WIFSIGNALED(status)) {
    exit.signal = WTERMSIG(status);
  } else {
    exit.code = WEXITSTATUS(status);
  }
  co_return exit;
}

}  // namespace flashpods
