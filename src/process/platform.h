#pragma once
// What differs between Linux and the other systems our client runs on.

#include <array>
#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods {

/// Both ends of a pipe, close-on-exec. [0] is for reading.
[[nodiscard]] Result<std::array<Fd, 2>> open_pipe();

/// A descriptor that becomes readable when our child `pid` has ended and can be waited for: a pidfd
/// on Linux, elsewhere a pipe that a small thread closes.
[[nodiscard]] Result<Fd> open_process_handle(pid_t pid);

/// Closes descriptors first..last, those that are not open included. Async-signal-safe.
void close_descriptors(int first, int last);

}  // namespace flashpods
