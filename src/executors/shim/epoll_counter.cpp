#include "executors/shim/epoll_counter.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include "base/files.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/user_namespace.h"

namespace flashpods::shim {

namespace {

constexpr const char* kUserLimit = "/proc/sys/fs/epoll/max_user_watches";

template <class Number>
Number number(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_gone(pid_t process) { return ::kill(process, 0) != 0 && errno == ESRCH; }

}  // namespace

std::optional<EpollShare> epoll_share() {
  const auto limit = number<std::uint64_t>(read_file(kUserLimit, 100).value_or(""));
  if (limit == 0 || !can_count_epoll_use()) return std::nullopt;
  return EpollShare(limit);
}

int run_epoll_counter(const std::vector<std::string>& arguments) {
  const auto init = number<pid_t>(arguments.empty() ? "" : arguments.front());
  const auto share = epoll_share();
  if (init <= 1 || !share) return EXIT_FAILURE;
  enter_user_namespace(init);
  const auto shim = ::getppid();
  while (::getppid() == shim && !is_gone(init)) {
    const auto began = since_boot();
    const auto use = epoll_use(init, share->most());
    if (share->has_too_many_watches(use)) return kTooManyWatches;
    if (share->has_too_many_descriptors(use)) return kTooManyDescriptors;
    std::this_thread::sleep_for(share->wait(use, since_boot() - began));
  }
  return EXIT_SUCCESS;
}

}  // namespace flashpods::shim
