#pragma once
// Keeps a job off the private networks that the host can reach (DESIGN.md section 4.12).

#include "base/error.h"

namespace flashpods::shim {

/// Closes in the calling thread's network namespace what a job must not reach: RFC 1918 and
/// 100.64/10; what is never global (RFC 6890), the host's loopback 127/8 among it; multicast and
/// broadcast. Turns IPv6 off. 10.0.2.0/24 stays: slirp4netns' own network is a longer prefix than
/// 10/8. A container without capabilities cannot undo it.
///
/// Each prefix gets an unreachable route. For a socket bound to a device (SO_BINDTODEVICE,
/// IP_PKTINFO) the kernel takes a destination without a route to be on the link: slirp4netns
/// answers no ARP request for it, so nothing leaves. Multicast and broadcast need no ARP: an IPsec
/// policy refuses these and all else that is never global, whatever device is chosen. A kernel
/// without CONFIG_XFRM_USER has the routes only.
[[nodiscard]] Result<void> close_private_networks();

/// Whether this host lets us do it: tried in a namespace made for that. Forks.
[[nodiscard]] bool can_close_private_networks();

}  // namespace flashpods::shim
