#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flashpods {

struct TextShape {
  std::function<void(std::string)> set;
  std::vector<std::string> words;  ///< if not empty, the only ones allowed
};
struct FlagShape {
  std::function<void(bool)> set;
};
struct NumberShape {
  std::function<void(std::int64_t)> set;
  std::int64_t low;
  std::int64_t high;
  std::string unit;  ///< for the reader; may be empty
};
struct TextListShape {
  std::function<void(std::vector<std::string>)> set;
};

/// What a setting may be, and where its value goes.
using SettingShape = std::variant<TextShape, FlagShape, NumberShape, TextListShape>;

/// One row of Settings.
struct Setting {
  std::string name;  ///< dotted
  std::string description;
  std::string initial;  ///< the default, as TOML
  SettingShape shape;
};

/// What a person may write there: "a whole number from 1 to 1000 (seconds)".
[[nodiscard]] std::string allowed_values(const SettingShape& shape);

/// A TOML basic string (toml.io 1.0, "String"); invalid UTF-8 becomes U+FFFD.
[[nodiscard]] std::string toml_string(std::string_view value);

/// A TOML array of basic strings.
[[nodiscard]] std::string toml_strings(const std::vector<std::string>& values);

}  // namespace flashpods
