#include "executors/shim/poll_loop.h"

#include <algorithm>
#include <poll.h>
#include <vector>

#include "executors/shim/boot_time.h"

namespace flashpods::shim {

namespace {

/// poll(2) does not count suspended time, so it is woken now and then.
constexpr Milliseconds kLongestWait{60'000};

int wait_time(Milliseconds until) {
  return static_cast<int>(std::clamp(until - since_boot(), Milliseconds{0}, kLongestWait).count());
}

}  // namespace

void PollLoop::turn(std::optional<Milliseconds> until) {
  std::vector<pollfd> ready;
  for (const auto& [fd, callback] : watched_) ready.push_back({fd, POLLIN, 0});
  const auto due = due_.empty() ? Milliseconds::max() : due_.begin()->first;
  const auto wait = wait_time(std::min(until.value_or(Milliseconds::max()), due));
  const auto count = ::poll(ready.data(), ready.size(), wait);
  call_due();
  if (count <= 0) return;
  for (const auto& entry : ready) {
    if (entry.revents == 0) continue;
    const auto watch = watched_.find(entry.fd);
    if (watch == watched_.end()) continue;  // forgotten by another callback of this turn
    const Callback callback = watch->second;
    callback();
  }
}

void PollLoop::call_due() {
  while (!due_.empty() && due_.begin()->first <= since_boot()) {
    const auto next = due_.extract(due_.begin());
    next.mapped()();
  }
}

bool PollLoop::run_until(const std::function<bool()>& done, std::optional<Milliseconds> until) {
  while (!done()) {
    if (until && since_boot() >= *until) return false;
    turn(until);
  }
  return true;
}

void PollLoop::pause(Milliseconds duration) {
  run_until([] { return false; }, since_boot() + duration);
}

}  // namespace flashpods::shim
