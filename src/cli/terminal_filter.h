#pragma once

#include <string>
#include <string_view>

#include "base/terminal_colour.h"

namespace flashpods::cli {

/// A job's output on its way to a terminal, piece by piece: colours that hide nothing pass
/// (TerminalStyle), other controls are made visible, carriage returns become line ends. What a
/// piece cuts in two (a UTF-8 character, a colour sequence, CR LF) is held back until the rest
/// comes. Each piece leaves the terminal plain and takes up the job's colours again: whatever comes
/// between two pieces, or instead of the next one, is not shown in them.
class TerminalFilter {
 public:
  /// `colour` false: colour sequences are dropped, not shown.
  explicit TerminalFilter(bool colour) : colour_(colour) {}
  [[nodiscard]] std::string feed(std::string_view bytes);
  /// What is still held back, at the end.
  [[nodiscard]] std::string finish();

 private:
  [[nodiscard]] std::string shown(std::string_view text);

  bool colour_;
  TerminalStyle style_;
  std::string held_;
};

}  // namespace flashpods::cli
