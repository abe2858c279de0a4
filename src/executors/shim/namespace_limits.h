#pragma once
// How many namespaces and inotify objects a container may have: what the kernel counts for a user
// namespace and all above it (namespaces(7), user_namespaces(7)).

#include "base/error.h"

namespace flashpods::shim {

/// Limits the calling thread's user namespace, which must be a container's own, through
/// /proc/sys/user:
/// - no further user namespace. Each counts for the service's user as well, who has a bounded
/// number
///   of them, and each needs memory that no cgroup may count;
/// - a few namespaces of the other kinds. Only a process with CAP_SYS_ADMIN can make them, which
///   in a container is the OCI runtime;
/// - a sixteenth of what the host gives a user in inotify instances and watches.
/// The limits hold for every namespace below. Only CAP_SYS_RESOURCE in this namespace may raise
/// them, and a job has no capability. A limit that this kernel does not know is skipped.
[[nodiscard]] Result<void> limit_namespaces();

}  // namespace flashpods::shim
