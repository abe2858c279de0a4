#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "base/terminal_colour.h"
#include "base/text.h"
#include "base/utf8.h"

namespace flashpods {

namespace {

constexpr char kEscape = '\x1b';
constexpr std::string_view kEllipsis = "…";

/// Characters that move the cursor, reorder text or hide it.
bool is_unsafe(char32_t c) {
  if (c == '\n' || c == '\t') return false;
  const bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
  const bool separator = c == 0x2028 || c == 0x2029;
  const bool bidi = c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                    (c >= 0x2066 && c <= 0x2069);
  const bool tag = c >= 0xe0000 && c <= 0xe007f;
  return control || separator || bidi || tag;
}

std::string visible(char32_t c) {
  const auto code = static_cast<std::uint32_t>(c);
  if (c == '\r') return "\\r";
  if (c < 0x80) return fmt::format("\\x{:02x}", code);
  if (c <= 0xffff) return fmt::format("\\u{:04x}", code);
  return fmt::format("\\U{:08x}", code);
}

/// Appends the first character of `bytes` in a form that is safe to show; returns its length.
std::size_t append_visible(std::string& text, std::string_view bytes) {
  const Utf8Step step = decode_utf8(bytes);
  if (!step.valid) {
    text += "\xef\xbf\xbd";
  } else if (is_unsafe(step.code)) {
    text += visible(step.code);
  } else {
    text += bytes.substr(0, step.length);
  }
  return step.length;
}

/// Where a run of characters in [low, high] that begins at `at` ends.
std::size_t skip_range(std::string_view bytes, std::size_t at, char low, char high) {
  while (at < bytes.size() && bytes[at] >= low && bytes[at] <= high) ++at;
  return at;
}

bool has_in_range(std::string_view bytes, std::size_t at, char low, char high) {
  return at < bytes.size() && bytes[at] >= low && bytes[at] <= high;
}

/// Length of a control sequence whose parameters begin at `at` (ECMA-48, 5.4), or 0.
std::size_t control_sequence_length(std::string_view bytes, std::size_t at) {
  at = skip_range(bytes, skip_range(bytes, at, '0', '?'), ' ', '/');
  return has_in_range(bytes, at, '@', '~') ? at + 1 : 0;
}

/// Length of a command or control string (ECMA-48, 5.6) whose text begins at `at`, or 0 if it has
/// no end. It must end before the next control: so nobody hides the rest of a log in it, and
/// looking for the end stays linear.
std::size_t control_string_length(std::string_view bytes, std::size_t at) {
  while (at < bytes.size()) {
    const std::string_view rest = bytes.substr(at);
    if (rest[0] == '\a') return at + 1;
    if (rest.starts_with("\x1b\\") || rest.starts_with("\xc2\x9c")) return at + 2;
    const Utf8Step step = decode_utf8(rest);
    if (step.code < 0x20 || (step.code >= 0x7f && step.code <= 0x9f)) return 0;
    at += step.length;
  }
  return 0;
}

/// Length of an ANSI sequence at the start, in its 7-bit or 8-bit form, or 0.
std::size_t ansi_length(std::string_view bytes) {
  constexpr std::string_view kStrings = "P]X^_";
  if (bytes.size() < 2) return 0;
  // U+0080 to U+009F stand for ESC and '@' to '_'.
  const bool eight_bit = bytes[0] == '\xc2' && static_cast<std::uint8_t>(bytes[1]) <= 0x9f;
  if (!eight_bit && bytes[0] != kEscape) return 0;
  const char kind = eight_bit ? static_cast<char>(bytes[1] - 0x40) : bytes[1];
  if (kind == '[') return control_sequence_length(bytes, 2);
  if (kStrings.contains(kind)) return control_string_length(bytes, 2);
  if (eight_bit) return 0;
  const std::size_t end = skip_range(bytes, 1, ' ', '/');
  return has_in_range(bytes, end, '0', '~') ? end + 1 : 0;
}

/// Without a style no colour passes.
std::string shown(std::string_view bytes, TerminalStyle* style) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t colour = style != nullptr ? style->accept(bytes) : 0;
    text += bytes.substr(0, colour);
    if (bytes.starts_with("\r\n")) bytes.remove_prefix(1);
    bytes.remove_prefix(colour > 0 ? colour : append_visible(text, bytes));
  }
  return text;
}

}  // namespace

std::string to_terminal_text(std::string_view bytes, TerminalStyle& style) {
  return shown(bytes, &style);
}

std::string to_terminal_text(std::string_view bytes, bool keep_colour) {
  TerminalStyle style;
  return shown(bytes, keep_colour ? &style : nullptr);
}

std::string to_one_line(std::string_view bytes, std::size_t limit) {
  std::string line;
  while (!bytes.empty() && line.size() <= limit) {
    if (bytes[0] == '\n') {
      line += "\\n";
      bytes.remove_prefix(1);
    } else {
      bytes.remove_prefix(append_visible(line, bytes));
    }
  }
  if (line.size() <= limit) return line;
  while (limit > 0 && (line[limit] & '\xc0') == '\x80') --limit;
  return line.substr(0, limit) + std::string{kEllipsis};
}

std::string to_plain_text(std::string_view bytes) {
  std::string text;
  std::size_t line_start = 0;
  bool returned = false;  // the next character overwrites the line
  while (!bytes.empty()) {
    if (const std::size_t ansi = ansi_length(bytes); ansi > 0) {
      bytes.remove_prefix(ansi);
      continue;
    }
    const char first = bytes[0];
    if (first == '\r') {
      returned = true;
      bytes.remove_prefix(1);
      continue;
    }
    if (returned && first != '\n') text.resize(line_start);
    returned = false;
    bytes.remove_prefix(append_visible(text, bytes));
    if (first == '\n') line_start = text.size();
  }
  return text;
}

std::string to_human_size(std::uintmax_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  // 9.95 would round to "10.0".
  return value < 9.95 ? fmt::format("{:.1f} {}", value, kUnits[unit])
                      : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

}  // namespace flashpods
