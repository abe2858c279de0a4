#pragma once

#include <optional>
#include <string>
#include <vector>

#include "executors/shim/epoll_share.h"

namespace flashpods::shim {

/// Argument of the shim's own program for run_epoll_counter(); the container's PID 1 follows.
inline constexpr const char* kEpollCounterArgument = "--count-epoll";

/// Exit codes of the counter.
inline constexpr int kTooManyWatches = 10;
inline constexpr int kTooManyDescriptors = 11;

/// Nothing where the kernel has no epoll watches to share, or cannot tell them apart.
[[nodiscard]] std::optional<EpollShare> epoll_share();

/// Counts the epoll watches of a container again and again, in a process of its own: it waits for
/// whatever the container's processes hold up, and as the root of the container's user namespace
/// it sees those too that are not dumpable (PR_SET_DUMPABLE). Ends with kTooManyWatches or
/// kTooManyDescriptors, or with 0 when the container is gone.
int run_epoll_counter(const std::vector<std::string>& arguments);

}  // namespace flashpods::shim
