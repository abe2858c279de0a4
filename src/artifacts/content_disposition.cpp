#include "artifacts/content_disposition.h"

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"

namespace flashpods::artifacts {
namespace {

bool is_alphanumeric(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// Inside quotes without escaping; '%' is out since some clients decode it there.
bool is_plain(char32_t c) {
  return is_alphanumeric(c) ||
         (c < 0x7F &&
          std::string_view{" !#$&'()*+,-.:;<=>?@[]^_`{|}~"}.contains(static_cast<char>(c)));
}

/// attr-char of RFC 8187, section 3.2.1.
bool is_attribute_character(char32_t c) {
  return is_alphanumeric(c) ||
         (c < 0x7F && std::string_view{"!#$&+-.^_`|~"}.contains(static_cast<char>(c)));
}

std::string percent_encoded(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_attribute_character(byte)) {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

std::string plain_form(std::string_view name) {
  std::string plain;
  while (!name.empty()) {
    const auto step = decode_utf8(name);
    plain += is_plain(step.code) ? static_cast<char>(step.code) : '_';
    name.remove_prefix(step.length);
  }
  return plain;
}

}  // namespace

std::string content_disposition(std::string_view name) {
  const auto plain = plain_form(name);
  auto header = "attachment; filename=\"" + plain + '"';
  if (plain != name) header += "; filename*=UTF-8''" + percent_encoded(to_valid_utf8(name));
  return header;
}

}  // namespace flashpods::artifacts
