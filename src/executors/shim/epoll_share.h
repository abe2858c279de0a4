#pragma once
// What a job may have of its user's epoll(7) watches, and when to count them: pure rules.

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "executors/shim/epoll_use.h"

namespace flashpods::shim {

/// The kernel counts epoll watches for a user (fs.epoll.max_user_watches), never for one job, and
/// who finds none left can neither serve a connection nor, in Go, start. So they are counted, and
/// the job that has more than its share ends.
class EpollShare {
 public:
  /// `user_limit`: fs.epoll.max_user_watches. The kernel's own default is 4 % of the memory.
  explicit EpollShare(std::uint64_t user_limit);

  /// The most that a job may have: a sixteenth of the watches, and no more of them than can be
  /// counted in a second. Its descriptors are bounded so that they can be looked through as fast.
  [[nodiscard]] const EpollUse& most() const { return most_; }

  /// How long until the next count, after one that took `took`. The less the user may have, the
  /// sooner it is gone. A count that takes long is rested from, but for twice the usual pause at
  /// most; one that found much of the share hardly at all.
  [[nodiscard]] Milliseconds wait(const EpollUse& use, Milliseconds took) const;

  [[nodiscard]] bool has_too_many_watches(const EpollUse& use) const;
  [[nodiscard]] bool has_too_many_descriptors(const EpollUse& use) const;

  /// Why the job must end, for a person.
  [[nodiscard]] std::string explain_watches() const;
  [[nodiscard]] std::string explain_descriptors() const;

 private:
  std::uint64_t user_limit_;
  EpollUse most_;
};

}  // namespace flashpods::shim
