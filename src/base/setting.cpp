#include "base/setting.h"

#include <fmt/format.h>

#include "base/text.h"

namespace flashpods {

namespace {

std::string describe(const TextShape& text) {
  if (text.words.empty()) return "a string";
  std::string list;
  for (const std::string& word : text.words) {
    list += (list.empty() ? "" : ", ") + toml_string(word);
  }
  return "one of " + list;
}

std::string describe(const FlagShape&) { return "true or false"; }

std::string describe(const NumberShape& number) {
  return fmt::format("a whole number from {} to {}{}", number.low, number.high,
                     number.unit.empty() ? "" : fmt::format(" ({})", number.unit));
}

std::string describe(const TextListShape&) { return "a list of strings"; }

}  // namespace

std::string allowed_values(const SettingShape& shape) {
  return std::visit([](const auto& kind) { return describe(kind); }, shape);
}

std::string toml_string(std::string_view value) {
  std::string literal = "\"";
  for (const char c : to_valid_utf8(value)) {
    if (c == '"' || c == '\\') {
      literal += {'\\', c};
    } else if ((c >= 0 && c < 0x20) || c == 0x7f) {
      literal += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      literal += c;
    }
  }
  return literal + '"';
}

std::string toml_strings(const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "" : ", ") + toml_string(value);
  return fmt::format("[{}]", list);
}

}  // namespace flashpods
