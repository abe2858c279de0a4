#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flashpods {

/// The longest colour sequence (ESC [ … m) that passes to a terminal, in bytes; real ones have up
/// to 20. Who shows text piece by piece has to keep so much of it, and no more.
inline constexpr std::size_t kLongestColour = 32;

/// What a terminal shows text with after the SGR sequences (ECMA-48, 8.3.117) that a job may use:
/// bold, dim, italic, underline, inverse and colours. Whatever else there is (conceal, blink, …)
/// may hide text, and so does a foreground that looks like the background: such a sequence is not
/// accepted as a whole. The terminal's own colours are unknown, so a job may still write black on
/// a black terminal.
class TerminalStyle {
 public:
  /// Length of the sequence at the start of `bytes` that may pass, and is in effect from now on; 0
  /// if there is none.
  [[nodiscard]] std::size_t accept(std::string_view bytes);

  /// As after kReset.
  [[nodiscard]] bool is_plain() const { return *this == TerminalStyle{}; }
  /// What brings a plain terminal to this style; empty if it is plain.
  [[nodiscard]] std::string sequence() const;

  bool operator==(const TerminalStyle&) const = default;

  static constexpr std::string_view kReset = "\x1b[0m";

 private:
  struct Colour {
    std::string parameters;  ///< as the job gave them; empty for the terminal's own colour
    std::array<int, 3> rgb{};

    bool operator==(const Colour&) const = default;
  };
  class Reader;

  [[nodiscard]] bool apply(Reader& parameters);
  [[nodiscard]] bool set_attribute(int code);
  [[nodiscard]] bool set_colour(int code, Reader& parameters);
  [[nodiscard]] bool hides_text() const;

  bool bold_ = false;
  bool dim_ = false;
  bool italic_ = false;
  bool underline_ = false;
  bool inverse_ = false;
  Colour foreground_;
  Colour background_;
};

/// to_terminal_text() (base/text.h) with the sequences that `style` accepts. `style` is what the
/// text before left behind.
[[nodiscard]] std::string to_terminal_text(std::string_view bytes, TerminalStyle& style);

}  // namespace flashpods
