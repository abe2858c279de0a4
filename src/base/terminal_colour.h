#pragma once

#include <cstddef>

namespace flashpods {

/// The longest colour sequence (ESC [ … m) that passes to a terminal, in bytes; real ones have up
/// to
/// 20. Who shows text piece by piece has to keep so much of it, and no more.
inline constexpr std::size_t kLongestColour = 32;

}  // namespace flashpods
