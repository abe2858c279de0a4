#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flashpods::mcp {

/// The most text one answer carries.
inline constexpr std::size_t kOutputBytes = 30'000;

/// Output as far as it fits into one answer, whole characters only.
struct Window {
  std::string text;
  bool cut_at_start = false;
};

/// The end of `text`, from the first whole line that fits on (or from the middle of a line that
/// alone is too long).
[[nodiscard]] Window keep_end(std::string text, std::size_t limit = kOutputBytes);

/// The start of `text`.
[[nodiscard]] Window keep_start(std::string text, std::size_t limit = kOutputBytes);

/// Lines, an unfinished last one included.
[[nodiscard]] std::size_t count_lines(std::string_view text);

}  // namespace flashpods::mcp
