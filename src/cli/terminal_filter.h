#pragma once

#include <string>
#include <string_view>

namespace flashpods::cli {

/// A job's output on its way to a terminal, piece by piece: colours pass, other controls are made
/// visible, carriage returns become line ends. What a piece cuts in two (a UTF-8 character, a
/// colour sequence, CR LF) is held back until the rest comes.
class TerminalFilter {
 public:
  /// `colour` false: colour sequences are dropped, not shown.
  explicit TerminalFilter(bool colour) : colour_(colour) {}
  [[nodiscard]] std::string feed(std::string_view bytes);
  /// What is still held back, at the end.
  [[nodiscard]] std::string finish();

 private:
  [[nodiscard]] std::string shown(std::string text) const;

  bool colour_;
  std::string held_;
};

}  // namespace flashpods::cli
