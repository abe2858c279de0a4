#pragma once
// What a verb takes, as data: parsing (arguments.cpp), --help and shell completion all read it.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace flashpods::cli {

/// Where a parsed value goes; the pointee belongs to the verb and holds its default.
using Target =
    std::variant<bool*, std::string*, std::optional<std::int64_t>*, std::vector<std::string>*>;

/// One option ("-f,--follow") or, if `names` does not begin with '-', one positional ("JOB").
/// A vector takes the option any number of times, or all remaining positionals.
struct Parameter {
  std::string names;
  Target target;
  std::string value;  ///< placeholder of an option's value, such as "DIR"; empty for flags
  std::string help;
  std::vector<std::string> choices = {};  ///< if not empty, the only values accepted
  bool required = false;

  [[nodiscard]] bool is_positional() const { return !names.starts_with('-'); }
  [[nodiscard]] bool is_flag() const { return std::holds_alternative<bool*>(target); }
  [[nodiscard]] bool is_repeated() const {
    return std::holds_alternative<std::vector<std::string>*>(target);
  }
};

}  // namespace flashpods::cli
