#include "client/origin_rules.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <optional>
#include <span>

namespace flashpods::client {

namespace {

struct Address {
  std::array<unsigned char, 16> bytes{};
  int bits = 0;  ///< 32 or 128
};

std::optional<Address> parse_address(std::string_view text) {
  const std::string name{text};
  Address address;
  if (::inet_pton(AF_INET, name.c_str(), address.bytes.data()) == 1) {
    address.bits = 32;
    return address;
  }
  if (::inet_pton(AF_INET6, name.c_str(), address.bytes.data()) == 1) {
    address.bits = 128;
    return address;
  }
  return std::nullopt;
}

bool same_prefix(const Address& a, const Address& b, int bits) {
  for (int i = 0; i < bits; ++i) {
    const auto at = static_cast<std::size_t>(i / 8);
    const auto mask = static_cast<unsigned char>(0x80U >> (i % 8));
    if ((a.bytes.at(at) & mask) != (b.bytes.at(at) & mask)) return false;
  }
  return true;
}

std::string_view without_brackets(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return host.substr(1, host.size() - 2);
  }
  return host;
}

}  // namespace

bool in_network(std::string_view address, std::string_view network) {
  const auto slash = network.find('/');
  const auto host = parse_address(without_brackets(address));
  const auto base = parse_address(network.substr(0, slash));
  if (!host || !base || host->bits != base->bits) return false;
  int bits = base->bits;
  if (slash != std::string_view::npos) {
    const auto length = network.substr(slash + 1);
    const auto* end = length.data() + length.size();
    const auto parsed = std::from_chars(length.data(), end, bits);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return false;
    if (bits < 0 || bits > base->bits) return false;
  }
  return same_prefix(*host, *base, bits);
}

Result<void> check_plain_http(const http::Origin& origin,
                              const std::vector<std::string>& networks) {
  if (origin.scheme != "http" || origin.is_loopback()) return {};
  const auto allows = [&](const std::string& network) {
    return network == origin.host || in_network(origin.host, network);
  };
  if (std::ranges::any_of(networks, allows)) return {};
  return fail(ErrorKind::kInvalid, "insecure_url",
              "the token would cross the network unencrypted to " + origin.to_string() +
                  "; use the WireGuard address, or add the network to plain_http_networks in "
                  "~/.config/flashpods/config.toml if it is encrypted otherwise");
}

}  // namespace flashpods::client
