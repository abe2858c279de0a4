#include "executors/shim/public_address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>
#include <span>

namespace flashpods::shim {

namespace {

struct Network {
  std::array<std::uint8_t, 4> address;
  unsigned length;
};

/// IPv4 networks that are not the public internet (RFC 6890 and its registry).
constexpr std::array<Network, 15> kReserved{{
    {{0, 0, 0, 0}, 8},
    {{10, 0, 0, 0}, 8},
    {{100, 64, 0, 0}, 10},
    {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16},
    {{172, 16, 0, 0}, 12},
    {{192, 0, 0, 0}, 24},
    {{192, 0, 2, 0}, 24},
    {{192, 88, 99, 0}, 24},
    {{192, 168, 0, 0}, 16},
    {{198, 18, 0, 0}, 15},
    {{198, 51, 100, 0}, 24},
    {{203, 0, 113, 0}, 24},
    {{224, 0, 0, 0}, 4},
    {{240, 0, 0, 0}, 4},
}};

using Bytes = std::span<const std::uint8_t>;

std::uint32_t number(Bytes bytes) {
  std::uint32_t value = 0;
  for (const auto byte : bytes.first(4)) value = value << 8U | byte;
  return value;
}

bool is_public_ipv4(Bytes bytes) {
  const auto address = number(bytes);
  return std::ranges::none_of(kReserved, [address](const Network& network) {
    const auto mask = ~std::uint32_t{0} << (32 - network.length);
    return (address & mask) == number(network.address);
  });
}

template <std::size_t N>
bool begins_with(Bytes bytes, const std::array<std::uint8_t, N>& prefix) {
  return std::ranges::equal(bytes.first(N), prefix);
}

/// Global unicast is 2000::/3. Below 2001::/23 lie protocols of their own, Teredo among them.
bool is_public_ipv6(Bytes bytes) {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
  constexpr std::array<std::uint8_t, 2> k6to4{0x20, 0x02};
  constexpr std::array<std::uint8_t, 4> kDocumentation{0x20, 0x01, 0x0d, 0xb8};
  if (begins_with(bytes, kMapped) || begins_with(bytes, kNat64)) {
    return is_public_ipv4(bytes.subspan(12));
  }
  if (begins_with(bytes, k6to4)) return is_public_ipv4(bytes.subspan(2));
  const bool is_protocol = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 0x02;
  const bool is_new_documentation = bytes[0] == 0x3f && bytes[1] == 0xff && bytes[2] < 0x10;
  return (bytes[0] & 0xe0U) == 0x20 && !is_protocol && !is_new_documentation &&
         !begins_with(bytes, kDocumentation);
}

/// The bytes of an address in network order; empty for any other family.
Bytes bytes_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    return {reinterpret_cast<const std::uint8_t*>(&ipv4.sin_addr), sizeof ipv4.sin_addr};
  }
  if (address.sa_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    return {reinterpret_cast<const std::uint8_t*>(&ipv6.sin6_addr), sizeof ipv6.sin6_addr};
  }
  return {};
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  const auto bytes = bytes_of(address);
  if (bytes.size() == 4) return is_public_ipv4(bytes);
  return bytes.size() == 16 && is_public_ipv6(bytes);
}

bool is_own_address(const sockaddr& address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;  // unknown: refuse
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  const auto wanted = bytes_of(address);
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const auto own = bytes_of(*entry->ifa_addr);
    if (!own.empty() && std::ranges::equal(own, wanted)) return true;
  }
  return false;
}

}  // namespace flashpods::shim
