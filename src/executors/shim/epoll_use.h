#pragma once
// How much of the epoll(7) watches that a user may have (fs.epoll.max_user_watches) a job holds.

#include <cstdint>
#include <sys/types.h>

namespace flashpods::shim {

struct EpollUse {
  std::uint64_t watches = 0;
  std::uint64_t descriptors = 0;  ///< of all kinds
};

/// Counts the open descriptors of a process and its descendants, and the watches of the epoll
/// instances among them (proc_pid_fdinfo(5)), each instance once. Ends early once it has found more
/// than `enough` of either, so that no job makes it take long. Not seen: an instance that is in no
/// table of descriptors, such as one in a message of a socket, and what the caller may not examine
/// (ptrace(2), "Ptrace access mode checking").
[[nodiscard]] EpollUse epoll_use(pid_t root, const EpollUse& enough);

/// Whether the kernel can tell if two descriptors are the same (kcmp(2)): without it each process
/// that has inherited an instance would count it again.
[[nodiscard]] bool can_count_epoll_use();

}  // namespace flashpods::shim
