#pragma once

#include <sys/socket.h>

namespace flashpods::shim {

/// Whether an address belongs to the public internet (IANA special-purpose registries for IPv4 and
/// IPv6). False for loopback, private, shared, link-local, multicast, documentation and reserved
/// networks. An IPv6 address that embeds an IPv4 one (mapped, NAT64, 6to4) is as public as that
/// one.
[[nodiscard]] bool is_public_address(const sockaddr& address);

/// Whether an interface of this host has the address: a service that listens there trusts us.
[[nodiscard]] bool is_own_address(const sockaddr& address);

}  // namespace flashpods::shim
