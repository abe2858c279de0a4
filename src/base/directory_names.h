#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace flashpods {

/// Names in the open directory, without "." and "..", in the order the filesystem gives them. The
/// descriptor stays the caller's, and its offset is not used.
[[nodiscard]] Result<std::vector<std::string>> directory_names(int directory);

/// Lets the owner (us) list, enter and change a directory that chmod closed. `directory` may be an
/// O_PATH descriptor; no link is followed. Fails quietly: the next open says why.
void open_for_owner(int directory);

}  // namespace flashpods
