#include <cstdint>

#include "base/text.h"
#include "base/utf8.h"

namespace flashpods {

namespace {

constexpr char32_t kReplacement = 0xfffd;
constexpr std::string_view kReplacementBytes = "\xef\xbf\xbd";

/// What a lead byte asks for. Only the second byte has bounds of its own (no overlong forms, no
/// surrogates, nothing above U+10FFFF).
struct Lead {
  std::size_t length = 0;  ///< of the sequence; 0 for a byte that cannot begin one
  std::uint8_t second_low = 0x80;
  std::uint8_t second_high = 0xbf;
};

Lead lead_of(std::uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xc2) return {0};
  if (byte < 0xe0) return {2};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};
  if (byte < 0xf0) return {3};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0};
}

}  // namespace

Utf8Step decode_utf8(std::string_view bytes) {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const Lead lead = lead_of(first);
  if (lead.length == 0) return {kReplacement, 1, false};
  if (lead.length == 1) return {first, 1, true};
  char32_t code = first & (0xffU >> (lead.length + 1));
  for (std::size_t at = 1; at < lead.length; ++at) {
    if (at == bytes.size()) return {kReplacement, at, false};
    const auto byte = static_cast<std::uint8_t>(bytes[at]);
    const std::uint8_t low = at == 1 ? lead.second_low : 0x80;
    const std::uint8_t high = at == 1 ? lead.second_high : 0xbf;
    if (byte < low || byte > high) return {kReplacement, at, false};
    code = code << 6 | (byte & 0x3fU);
  }
  return {code, lead.length, true};
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8Step step = decode_utf8(bytes);
    text += step.valid ? bytes.substr(0, step.length) : kReplacementBytes;
    bytes.remove_prefix(step.length);
  }
  return text;
}

bool is_valid_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8Step step = decode_utf8(bytes);
    if (!step.valid) return false;
    bytes.remove_prefix(step.length);
  }
  return true;
}

}  // namespace flashpods
