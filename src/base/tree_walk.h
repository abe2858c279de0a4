#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods {

/// One entry of a tree, as a walk shows it.
struct TreeEntry {
  int directory = -1;  ///< the one it is in, held with O_PATH: for the *at() calls
  const std::string& name;
  const struct stat& status;   ///< of itself, never of what a link points to
  std::size_t path_bytes = 0;  ///< of its path below the top
};

/// What becomes of a directory that another user closed to us.
enum class Foreign : std::uint8_t { kFails, kSkipped };

/// Calls `visit` once for everything below `top`, a directory before what is in it, links not
/// followed; then enters the directories. At any depth with a bounded number of descriptors, and
/// without a path that could become too long. A directory of ours that chmod closed is opened while
/// the walk is in it, and gets its mode back. What vanishes meanwhile is left out. Ends with the
/// first error, also of `visit`. Blocks.
[[nodiscard]] Result<void> walk_tree(
    Fd top, Foreign foreign, const std::function<Result<void>(const TreeEntry& entry)>& visit);

}  // namespace flashpods
