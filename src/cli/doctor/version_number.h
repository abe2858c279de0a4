#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace flashpods::cli {

struct VersionNumber {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const VersionNumber&) const = default;
};

/// The first "1.2" or "1.2.3" in `text` ("rsync  version 3.2.7  protocol version 31").
[[nodiscard]] std::optional<VersionNumber> find_version(std::string_view text);

}  // namespace flashpods::cli
