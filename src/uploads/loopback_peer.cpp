#include "uploads/loopback_peer.h"

#include <charconv>
#include <cstring>
#include <ranges>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/files.h"

namespace flashpods::uploads {

namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t kMaxTable = std::size_t{64} << 20;
// Columns of /proc/net/tcp.
constexpr std::size_t kLocal = 1;
constexpr std::size_t kRemote = 2;
constexpr std::size_t kUid = 7;
constexpr std::size_t kInode = 9;

/// The kernel prints each 32-bit word of the address as it lies in memory.
template <class Bytes>
std::string hex_words(const Bytes& bytes) {
  std::string text;
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    text += fmt::format("{:08X}", word);
  }
  return text;
}

std::string row_address(const ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  const auto words = address.is_v4() ? hex_words(address.to_v4().to_bytes())
                                     : hex_words(address.to_v6().to_bytes());
  return fmt::format("{}:{:04X}", words, endpoint.port());
}

ip::tcp::endpoint mapped(const ip::tcp::endpoint& endpoint) {
  return {ip::make_address_v6(ip::v4_mapped, endpoint.address().to_v4()), endpoint.port()};
}

std::vector<std::string_view> columns(std::string_view line) {
  std::vector<std::string_view> result;
  for (const auto word : line | std::views::split(' ')) {
    if (!word.empty()) result.emplace_back(word.begin(), word.end());
  }
  return result;
}

}  // namespace

std::optional<uid_t> uid_of_peer(std::string_view table, const ip::tcp::endpoint& peer,
                                 const ip::tcp::endpoint& ours) {
  const std::string local = row_address(peer);
  const std::string remote = row_address(ours);
  for (const auto line : table | std::views::split('\n')) {
    const auto row = columns(std::string_view(line));
    if (row.size() <= kInode || row[kLocal] != local || row[kRemote] != remote) continue;
    if (row[kInode] == "0") continue;  // closed by its holder: it says uid 0
    uid_t uid = 0;
    const auto read = std::from_chars(row[kUid].begin(), row[kUid].end(), uid);
    if (read.ec == std::errc{}) return uid;
  }
  return std::nullopt;
}

std::optional<uid_t> uid_of_peer(const ip::tcp::endpoint& peer, const ip::tcp::endpoint& ours) {
  if (peer.address().is_v4()) {
    const auto table = read_file("/proc/self/net/tcp", kMaxTable).value_or("");
    if (const auto uid = uid_of_peer(table, peer, ours)) return uid;
  }
  // An IPv4 connection made with an IPv6 socket stands in the other table.
  const auto table = read_file("/proc/self/net/tcp6", kMaxTable).value_or("");
  return peer.address().is_v4() ? uid_of_peer(table, mapped(peer), mapped(ours))
                                : uid_of_peer(table, peer, ours);
}

}  // namespace flashpods::uploads
