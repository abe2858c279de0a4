#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flashpods::simulation {

/// What happened in one run, line by line, for whoever replays it; and what should not have.
class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  void add(std::string_view what, std::string_view detail = {});

  [[nodiscard]] bool prints() const { return print_; }

  /// An invariant does not hold. The run ends.
  void violation(std::string what);

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

 private:
  bool print_;
  int line_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace flashpods::simulation
