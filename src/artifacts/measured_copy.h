#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace flashpods::artifacts {

struct Measured {
  std::uint64_t size_bytes = 0;
  std::string sha256;
};

/// Reads `in` to its end and gives size and digest; writes the bytes to `out` unless that is -1.
/// kTooLarge beyond `limit` bytes.
[[nodiscard]] Result<Measured> measure(int in, std::uint64_t limit, int out = -1);

}  // namespace flashpods::artifacts
