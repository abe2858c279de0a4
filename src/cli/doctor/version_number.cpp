#include "cli/doctor/version_number.h"

#include <charconv>

namespace flashpods::cli {
namespace {

// Takes a number off the front.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<int> take_after_dot(std::string_view& text) {
  if (!text.starts_with('.')) return std::nullopt;
  text.remove_prefix(1);
  return take_number(text);
}

}  // namespace

std::optional<VersionNumber> find_version(std::string_view text) {
  for (;;) {
    const auto digit = text.find_first_of("0123456789");
    if (digit == std::string_view::npos) return std::nullopt;
    text.remove_prefix(digit);
    const auto major = take_number(text);
    if (!major) return std::nullopt;
    const auto minor = take_after_dot(text);
    if (minor) return VersionNumber{*major, *minor, take_after_dot(text).value_or(0)};
  }
}

}  // namespace flashpods::cli
