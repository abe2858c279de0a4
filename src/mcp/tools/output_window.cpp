#include "mcp/tools/output_window.h"

#include <algorithm>
#include <utility>

namespace flashpods::mcp {

namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

Window keep_end(std::string text, std::size_t limit) {
  if (text.size() <= limit) return {std::move(text), false};
  std::size_t from = text.size() - limit;
  const auto newline = text.find('\n', from - 1);
  if (newline != std::string::npos && newline + 1 < text.size()) {
    from = newline + 1;
  } else {
    while (from < text.size() && continues_character(text[from])) ++from;
  }
  return {text.substr(from), true};
}

Window keep_start(std::string text, std::size_t limit) {
  if (text.size() <= limit) return {std::move(text), false};
  std::size_t end = limit;
  while (end > 0 && continues_character(text[end])) --end;
  return {text.substr(0, end), false};
}

std::size_t count_lines(std::string_view text) {
  const auto newlines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  return newlines + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

}  // namespace flashpods::mcp
