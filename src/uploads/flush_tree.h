#pragma once

#include <filesystem>

#include "base/error.h"

namespace flashpods::uploads {

/// Makes a tree that nobody writes to any more durable: bytes, names, modes and times. Follows no
/// link and changes nothing. May be repeated; but what the disk could not take is lost, and a
/// second call may not see it. kNotFound if `path` is absent. Blocks, for as long as the disk
/// takes.
[[nodiscard]] Result<void> flush_tree(const std::filesystem::path& path);

}  // namespace flashpods::uploads
