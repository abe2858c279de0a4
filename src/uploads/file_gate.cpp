#include "uploads/file_gate.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/event_loop.h"
#include "base/fd.h"

namespace flashpods::uploads {

namespace asio = boost::asio;

Result<FileGate> FileGate::put_up(Executor executor, const std::filesystem::path& directory,
                                  pid_t group) {
  Fd events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!events || ::inotify_add_watch(events.get(), directory.c_str(), IN_CREATE) < 0 ||
      ::fcntl(events.get(), F_SETOWN, -group) != 0 ||
      ::fcntl(events.get(), F_SETSIG, SIGSTOP) != 0 ||
      ::fcntl(events.get(), F_SETFL, O_NONBLOCK | O_ASYNC) != 0) {
    return std::unexpected(errno_error("cannot stop an rsync at each file that it makes"));
  }
  asio::posix::stream_descriptor watched(executor);
  auto taken = assign(watched, events, "Cannot stop an rsync at each file that it makes");
  if (!taken) return std::unexpected(taken.error());
  return FileGate(std::move(watched));
}

void FileGate::clear() {
  std::array<char, 4096> events;
  while (::read(events_.native_handle(), events.data(), events.size()) > 0) continue;
}

Awaitable<void> FileGate::wait() {
  co_await events_.async_wait(asio::posix::stream_descriptor::wait_read,
                              asio::as_tuple(asio::use_awaitable));
}

}  // namespace flashpods::uploads
