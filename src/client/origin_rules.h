#pragma once
// Where a token may travel without encryption.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/client.h"

namespace flashpods::client {

/// True if `address` is a literal IPv4 or IPv6 address inside `network` ("10.0.0.0/24", "fd00::/8";
/// without a prefix length: that one address).
[[nodiscard]] bool in_network(std::string_view address, std::string_view network);

/// Plain http is for loopback and for the networks named (an entry may also be a host name, as it
/// stands in the URL). Otherwise kInvalid "insecure_url".
[[nodiscard]] Result<void> check_plain_http(const http::Origin& origin,
                                            const std::vector<std::string>& networks);

}  // namespace flashpods::client
