#pragma once

#include <cstddef>
#include <string_view>

namespace flashpods {

/// One step of decoding: a code point, or a maximal subpart of an invalid sequence (Unicode 15,
/// section 3.9, table 3-7), for which `code` is U+FFFD.
struct Utf8Step {
  char32_t code;
  std::size_t length;  ///< bytes of the input it took, at least 1
  bool valid;
};

/// `bytes` must not be empty.
[[nodiscard]] Utf8Step decode_utf8(std::string_view bytes);

}  // namespace flashpods
