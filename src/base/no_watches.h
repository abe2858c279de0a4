#pragma once
// For tests that link flashpods_failpoints.

#include "base/failpoint.h"

namespace flashpods {

/// As long as it lives, this process can register no further descriptor with an epoll instance.
class NoWatches {
 public:
  NoWatches() { fail_watches(true); }
  ~NoWatches() { fail_watches(false); }
  NoWatches(const NoWatches&) = delete;
  NoWatches& operator=(const NoWatches&) = delete;
};

}  // namespace flashpods
