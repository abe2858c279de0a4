// Hostile text made fit to be shown: on a terminal, on one line, to an agent; and how output is
// cut.

#include "base/text.h"

#include <algorithm>

#include "base/terminal_colour.h"
#include "base/utf8.h"
#include "cli/terminal_filter.h"
#include "fuzz/target.h"
#include "mcp/tools/output_window.h"

namespace flashpods {
namespace {

using fuzz::require;

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }
bool is_bidi(char32_t c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

/// Nothing in `text` moves a cursor or reorders it, apart from `allowed` controls.
void check_safe(std::string_view text, std::string_view allowed) {
  require(is_valid_utf8(text), "shown text is valid UTF-8");
  while (!text.empty()) {
    const auto step = decode_utf8(text);
    const bool is_allowed = step.code < 0x80 && allowed.contains(static_cast<char>(step.code));
    require(is_allowed || !is_control(step.code), "shown text has no controls");
    require(!is_bidi(step.code), "shown text has no direction marks");
    text.remove_prefix(step.length);
  }
}

/// Every escape that is left begins a whole colour sequence, none of which hides what follows.
/// Returns the style at the end.
TerminalStyle check_colours(std::string_view text) {
  TerminalStyle style;
  for (auto at = text.find('\x1b'); at != std::string_view::npos; at = text.find('\x1b', at + 1)) {
    const auto sequence = text.substr(at, text.find('m', at) - at + 1);
    require(style.accept(text.substr(at)) == sequence.size(), "escapes are colours");
    for (const auto* hidden : {"[8m", "[8;", ";8m", "[5m", "[6m"})
      require(!sequence.contains(hidden) || sequence.contains("8;5") || sequence.contains("8;2"),
              "nothing conceals");
  }
  return style;
}

std::string uncoloured(std::string_view text) {
  std::string rest;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b')
      at = text.find('m', at);
    else
      rest += text[at];
  }
  return rest;
}

std::string filtered(std::string_view bytes, bool colour, std::size_t piece) {
  cli::TerminalFilter filter{colour};
  std::string shown;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    shown += filter.feed(bytes.substr(0, piece));
  return shown + filter.finish();
}

void check_filter(std::string_view bytes, bool colour) {
  const auto whole = filtered(bytes, colour, bytes.size() + 1);
  check_safe(whole, colour ? "\n\t\x1b" : "\n\t");
  if (colour) require(check_colours(whole).is_plain(), "the terminal is left plain");
  for (const std::size_t piece : {1, 2, 3, 5, 33}) {
    const auto cut = filtered(bytes, colour, piece);
    if (colour) require(check_colours(cut).is_plain(), "and after each piece");
    require(uncoloured(cut) == uncoloured(whole), "cuts change nothing of what is shown");
  }
}

void check_windows(const std::string& text, std::size_t limit) {
  const auto end = mcp::keep_end(text, limit);
  require(end.text.size() <= limit && text.ends_with(end.text), "a window is the end");
  require(end.cut_at_start == (end.text.size() < text.size()), "and says whether it is all");
  const auto start = mcp::keep_start(text, limit);
  require(start.text.size() <= limit && text.starts_with(start.text), "or the start");
  require(is_valid_utf8(end.text) && is_valid_utf8(start.text), "of whole characters");
}

FUZZ_TARGET(text) {
  const std::size_t limit = fuzz::take_byte(input);
  const auto valid = to_valid_utf8(input);
  require(is_valid_utf8(valid), "made valid is valid");
  if (is_valid_utf8(input)) require(valid == input, "what is valid stays as it is");

  const auto terminal = to_terminal_text(input);
  check_safe(terminal, "\n\t");
  require(to_terminal_text(terminal) == terminal, "shown text is shown as it is");
  const auto coloured = to_terminal_text(input, true);
  check_safe(coloured, "\n\t\x1b");
  check_colours(coloured);

  const auto line = to_one_line(input, limit);
  check_safe(line, "\t");
  require(line.size() <= limit + 3, "one line keeps its limit");
  const auto plain = to_plain_text(input);
  check_safe(plain, "\n\t");
  require(to_plain_text(plain) == plain, "plain text is plain");

  check_filter(input, true);
  check_filter(input, false);
  check_windows(valid, limit);
}

}  // namespace
}  // namespace flashpods
