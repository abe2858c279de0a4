#include "logs/log_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace flashpods::logs {
namespace {

constexpr std::size_t kLongestCharacter = 4;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Bytes of the character this byte begins; 0 if it begins none.
std::size_t length_by_lead(char byte) {
  const auto lead = static_cast<unsigned char>(byte);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

std::string prefix(const Piece& piece) {
  return (piece.time ? to_rfc3339_ms(*piece.time) : "-") + " ";
}

}  // namespace

std::uint64_t count_lines(std::string_view bytes) {
  const auto newlines = static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
  return newlines + (bytes.empty() || bytes.back() == '\n' ? 0 : 1);
}

std::size_t incomplete_tail(std::string_view bytes) {
  for (std::size_t n = 1; n < kLongestCharacter && n <= bytes.size(); ++n) {
    const auto tail = bytes.substr(bytes.size() - n);
    if (is_continuation(tail.front())) continue;
    const auto step = decode_utf8(tail);
    return !step.valid && step.length == n && n < length_by_lead(tail.front()) ? n : 0;
  }
  return 0;
}

std::size_t incomplete_head(std::string_view bytes) {
  std::size_t n = 0;
  while (n < kLongestCharacter - 1 && n < bytes.size() && is_continuation(bytes[n])) ++n;
  return n;
}

std::string with_timestamps(std::string_view bytes, const std::vector<Piece>& pieces,
                            bool at_line_start) {
  std::string out;
  for (const auto& piece : pieces) {
    auto rest = bytes.substr(0, piece.length);
    bytes.remove_prefix(rest.size());
    while (!rest.empty()) {
      if (at_line_start) out += prefix(piece);
      const auto line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
      out += line;
      at_line_start = line.back() == '\n';
      rest.remove_prefix(line.size());
    }
  }
  return out;
}

}  // namespace flashpods::logs
