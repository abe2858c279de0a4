#pragma once

#include <filesystem>
#include <sys/types.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "async/awaitable.h"
#include "base/error.h"

namespace flashpods::uploads {

/// Lets processes make one file at a time in a directory: the kernel itself stops them in the call
/// that makes the next (inotify(7), and SIGSTOP for the signal of F_SETSIG in fcntl(2)). So however
/// late we come to look, they have written no more than one file since they were let go on.
class FileGate {
 public:
  /// Stops all of the process group `group`; they are of our own uid. Fails where the kernel has no
  /// watch left for us. Whoever takes the gate away lets go on who was stopped by it.
  [[nodiscard]] static Result<FileGate> put_up(Executor executor,
                                               const std::filesystem::path& directory, pid_t group);

  /// Until a file is made. Its maker may stop a little after that: whether it is stopped only its
  /// state tells (is_stopped).
  Awaitable<void> wait();

  /// Forgets the files made so far: wait() is for the next.
  void clear();

 private:
  explicit FileGate(boost::asio::posix::stream_descriptor events) : events_(std::move(events)) {}

  boost::asio::posix::stream_descriptor events_;
};

}  // namespace flashpods::uploads
