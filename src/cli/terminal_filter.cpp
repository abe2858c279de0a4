#include "cli/terminal_filter.h"

#include <algorithm>
#include <utility>

#include "base/terminal_colour.h"
#include "base/text.h"

namespace flashpods::cli {
namespace {

// How many bytes the UTF-8 character that begins with `lead` has; 1 for anything else.
std::size_t character_length(unsigned char lead) {
  if (lead >= 0xF0 && lead < 0xF8) return 4;
  if (lead >= 0xE0) return lead < 0xF0 ? 3 : 1;
  return lead >= 0xC0 ? 2 : 1;
}

std::size_t unfinished_character(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto c = static_cast<unsigned char>(text[text.size() - back]);
    if ((c & 0xC0) == 0x80) continue;
    return character_length(c) > back ? back : 0;
  }
  return 0;
}

std::size_t unfinished_colour(std::string_view text) {
  const auto escape = text.rfind('\x1b');
  if (escape == std::string_view::npos || text.size() - escape > kLongestColour) return 0;
  const auto rest = text.substr(escape + 1);
  if (rest.empty()) return 1;
  const bool open = rest[0] == '[' && rest.find_first_not_of("0123456789;:", 1) == rest.npos;
  return open ? text.size() - escape : 0;
}

std::size_t unfinished(std::string_view text) {
  if (text.ends_with('\r')) return 1;
  return std::max(unfinished_character(text), unfinished_colour(text));
}

std::string with_line_ends(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool before_newline = i + 1 < text.size() && text[i + 1] == '\n';
    if (text[i] != '\r') {
      result += text[i];
    } else if (!before_newline) {
      result += '\n';
    }
  }
  return result;
}

std::string without_colours(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);  // to_terminal_text leaves complete colour sequences only
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

std::string TerminalFilter::shown(std::string_view text) {
  if (text.empty()) return {};
  const auto before = style_.sequence();
  const auto safe = to_terminal_text(with_line_ends(text), style_);
  if (!colour_) return without_colours(safe);
  return before + safe + (style_.is_plain() ? "" : std::string{TerminalStyle::kReset});
}

std::string TerminalFilter::feed(std::string_view bytes) {
  auto text = std::move(held_) + std::string{bytes};
  const auto keep = unfinished(text);
  held_ = text.substr(text.size() - keep);
  text.resize(text.size() - keep);
  return shown(text);
}

std::string TerminalFilter::finish() { return shown(std::exchange(held_, {})); }

}  // namespace flashpods::cli
