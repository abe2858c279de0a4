#pragma once
// Bytes from outside made fit to be shown. What a container, an upload or a client sent is data:
// it passes through one of these before a terminal, JSON or a log line shows it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flashpods {

/// Valid UTF-8, each invalid byte sequence replaced by U+FFFD (Unicode 15, section 3.9, maximal
/// subparts). Control characters stay.
[[nodiscard]] std::string to_valid_utf8(std::string_view bytes);

[[nodiscard]] bool is_valid_utf8(std::string_view bytes);

/// Fit for a terminal: valid UTF-8; controls and bidi overrides shown as "\x1b" or "\u202e";
/// newline and tab stay, CR LF becomes LF; SGR colour sequences (ESC [ … m) stay only if
/// `keep_colour`.
[[nodiscard]] std::string to_terminal_text(std::string_view bytes, bool keep_colour = false);

/// One line for a message or a log: like to_terminal_text, newlines shown as "\n", cut at `limit`
/// bytes with "…".
[[nodiscard]] std::string to_one_line(std::string_view bytes, std::size_t limit = 200);

/// Fit for an agent: ANSI sequences removed, a line rewritten by carriage returns collapsed to its
/// last state, other controls and bidi made visible, valid UTF-8.
[[nodiscard]] std::string to_plain_text(std::string_view bytes);

/// "4.2 MB": decimal units, as `ls --si` does.
[[nodiscard]] std::string to_human_size(std::uintmax_t bytes);

/// True if both are equal, in time that depends on the length of `untrusted` only.
[[nodiscard]] bool equal_in_constant_time(std::string_view secret, std::string_view untrusted);

}  // namespace flashpods
