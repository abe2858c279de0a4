#include <cerrno>
#include <sys/wait.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "process/child.h"

namespace flashpods {

namespace asio = boost::asio;

Awaitable<ChildExit> wait_child(Child child) {
  asio::posix::stream_descriptor handle(co_await asio::this_coro::executor, child.pidfd.release());
  co_await handle.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
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
