#include "process/platform.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#else
#include <thread>
#endif

namespace flashpods {

#ifdef __linux__

Result<std::array<Fd, 2>> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return std::unexpected(errno_error("cannot make a pipe"));
  return std::array{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> open_process_handle(pid_t pid) {
  Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle) return std::unexpected(errno_error("cannot watch a child process"));
  return handle;
}

void close_descriptors(int first, int last) {
  if (first <= last) ::syscall(SYS_close_range, first, last, 0);
}

#else

Result<std::array<Fd, 2>> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return std::unexpected(errno_error("cannot make a pipe"));
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  return std::array{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> open_process_handle(pid_t pid) {
  auto pipe = open_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  std::thread([pid, end = std::move((*pipe)[1])] {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
  }).detach();
  return std::move((*pipe)[0]);
}

void close_descriptors(int first, int last) {
  const int highest = static_cast<int>(std::min(::sysconf(_SC_OPEN_MAX), 65536L));
  for (int fd = first; fd <= std::min(last, highest); ++fd) ::close(fd);
}

#endif

}  // namespace flashpods
