#pragma once

#include <cstdint>
#include <string>

namespace flashpods::shim {

/// Bytes that we may still write to the filesystem of `directory`, or as many as its room for files
/// stands for if that is tighter. UINT64_MAX if it cannot be asked: nothing can be filled there.
[[nodiscard]] std::uint64_t room_in(const std::string& directory);

}  // namespace flashpods::shim
