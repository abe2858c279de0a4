#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace flashpods::shim {

/// Where an HTTP client wants a tunnel to (RFC 9110, section 9.3.6).
struct TunnelTarget {
  std::string host;  ///< in lower case, an IPv6 address without its brackets
  std::string port;  ///< 1 to 5 digits
  friend bool operator==(const TunnelTarget&, const TunnelTarget&) = default;
};

/// Reads the request line of `head`; nothing for anything but CONNECT HOST:PORT.
[[nodiscard]] std::optional<TunnelTarget> parse_connect(std::string_view head);

/// An HTTP proxy that opens tunnels to the public internet only. It resolves a name once and
/// connects to an address that it has judged itself, so a name that changes its address between two
/// look-ups (DNS rebinding) gains nothing. `allowed` are targets that may have any address
/// ("host:port", or "host" for port 443). Every refusal and every failure is the same reply, 502:
/// the client learns nothing about the networks of this host; the reason goes to stderr.
///
/// Serves `listener` until the process ends, a thread for each of at most 32 connections.
void serve_public_proxy(const Fd& listener, const std::vector<std::string>& allowed);

}  // namespace flashpods::shim
