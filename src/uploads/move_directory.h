#pragma once

#include <filesystem>

#include "base/error.h"

namespace flashpods::uploads {

/// Moves a directory on one filesystem, durably, and can be repeated after a crash: a source that
/// is gone while the target is there is success. An empty directory at the target is replaced.
/// Works on a directory whose mode forbids its owner to write (rename(2) must change its ".."); the
/// mode is kept. kNotFound if neither exists; kConflict "directory_exists" if both do. Blocks.
[[nodiscard]] Result<void> move_directory(const std::filesystem::path& from,
                                          const std::filesystem::path& to);

/// True for a directory itself, not for a link to one.
[[nodiscard]] bool is_real_directory(const std::filesystem::path& path);

}  // namespace flashpods::uploads
