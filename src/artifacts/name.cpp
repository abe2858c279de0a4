#include "artifacts/name.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "base/utf8.h"

namespace flashpods::artifacts {
namespace {

constexpr std::size_t kMaxBytes = 255;  // NAME_MAX

/// Unicode's White_Space property: what the specification's trim() removes.
bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

bool is_direction_override(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

template <class Rule>
bool any_character(std::string_view name, Rule rule) {
  while (!name.empty()) {
    const auto step = decode_utf8(name);
    if (rule(step.code)) return true;
    name.remove_prefix(step.length);
  }
  return false;
}

char32_t last_character(std::string_view name) {
  char32_t last = 0;
  (void)any_character(name, [&](char32_t c) {
    last = c;
    return false;
  });
  return last;
}

/// Empty if the name is fine.
std::string_view what_is_wrong(std::string_view name) {
  if (name.empty()) return "the name is empty";
  if (name.contains('\0')) return "the name contains a NUL byte";
  if (name.contains('/') || name.contains('\\')) return "the name contains a path separator";
  if (name.contains("..")) return "the name contains '..'";
  if (name == ".") return "the name is '.'";
  if (name.size() > kMaxBytes) return "the name is longer than 255 bytes";
  if (!is_valid_utf8(name)) return "the name is not valid UTF-8";
  if (is_white_space(decode_utf8(name).code) || is_white_space(last_character(name))) {
    return "the name begins or ends with white space";
  }
  if (any_character(name, is_control)) return "the name contains a control character";
  if (any_character(name, is_direction_override)) {
    return "the name contains a text direction override";
  }
  return {};
}

}  // namespace

Result<void> validate_artifact_name(std::string_view name) {
  const auto wrong = what_is_wrong(name);
  if (wrong.empty()) return {};
  return fail(ErrorKind::kInvalid, "invalid_artifact_name", std::string{wrong});
}

}  // namespace flashpods::artifacts
