#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace flashpods {

/// The file that `name` stands for: itself if it has a '/', else the first executable of that name
/// in `search_path` (as PATH: separated by ':'; empty parts are skipped, never the working
/// directory). kUnavailable "command_not_found" if there is none.
[[nodiscard]] Result<std::string> find_program(const std::string& name,
                                               std::string_view search_path);

}  // namespace flashpods
