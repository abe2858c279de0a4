#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace flashpods::cli {

/// Absolute path of the running program, links resolved; empty if the system does not say.
[[nodiscard]] std::string own_executable();

/// The program `name` beside `executable`, else in `search_path` (PATH). kNotFound
/// "program_not_found" says where it was looked for.
[[nodiscard]] Result<std::string> find_beside(const std::string& executable,
                                              const std::string& name,
                                              std::string_view search_path);

}  // namespace flashpods::cli
