#pragma once

#include <netinet/in.h>

#include "attempt.h"

namespace hostile {

/// What a job can do to the descriptors that it is given, and through /proc to those of others.
[[nodiscard]] Attempts descriptors();

/// Other processes, and what /proc, /sys and /dev offer.
[[nodiscard]] Attempts proc();

/// Sockets of all kinds. `echo_port` (host order): where a server on the host's loopback sends back
/// what it gets, by TCP and by UDP; an answer from there is the outcome "done".
[[nodiscard]] Attempts sockets(in_port_t echo_port);

/// Namespaces, and what may be done inside one of its own.
[[nodiscard]] Attempts namespaces();

/// System calls that belong to an administrator, or that have a history.
[[nodiscard]] Attempts kernel();

/// Limits raised, and what the kernel counts for a user taken up to a bound.
[[nodiscard]] Attempts limits();

/// What is mounted for the job to write in. The last ones leave all of it closed, replaced and full
/// of what nobody wants, but for the artifact `kept`.
[[nodiscard]] Attempts files();

}  // namespace hostile
