#pragma once
// Keeps a job off the private networks that the host can reach (DESIGN.md section 4.12).

#include <string_view>

#include "base/error.h"

namespace flashpods::shim {

/// Name (argv[0]) under which the OCI runtime calls this program as its createRuntime hook: the
/// container's namespaces exist, its first process has not run.
inline constexpr const char* kIsolationHook = "flashpods-isolate-network";

/// Makes private networks unreachable in the calling thread's network namespace: RFC 1918,
/// 100.64/10 and 169.254/16; turns IPv6 off. 10.0.2.0/24 stays: slirp4netns' own network is a
/// longer prefix than 10/8. A container without capabilities cannot undo it.
[[nodiscard]] Result<void> close_private_networks();

/// The hook: reads the OCI state from stdin, enters the container's namespaces. A failure keeps the
/// container from starting. Returns the exit code.
int run_isolation_hook();

/// Whether this host lets us do it: tried in a namespace made for that. Forks.
[[nodiscard]] bool can_close_private_networks();

}  // namespace flashpods::shim
