#include "base/failpoint.h"

#if FLASHPODS_FAILPOINTS

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::atomic<bool> no_watches = false;
std::atomic<int> registered = 0;

bool no_watch_is_free() {
  const char* file = std::getenv("FLASHPODS_NO_WATCHES");
  const int before = registered++;
  if (no_watches || file == nullptr) return no_watches;
  std::ifstream given(file);
  int granted = 0;
  if (!given) return false;
  given >> granted;
  return before >= granted;
}

}  // namespace

void flashpods::fail_watches(bool fail) { no_watches = fail; }

/// Takes the place of the C library's function of that name in every program that has failpoints.
extern "C" int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  if (operation == EPOLL_CTL_ADD && no_watch_is_free()) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, descriptor, event));
}

#endif
