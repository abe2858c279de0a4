#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/parameters.h"

namespace flashpods::cli {

/// Reads `arguments` (what follows the verb, up to "--") into the parameters' targets. kInvalid
/// "usage" with what is wrong. The only file that knows the parsing library, which is slow to
/// compile.
[[nodiscard]] Result<void> parse_arguments(const std::vector<Parameter>& parameters,
                                           std::vector<std::string> arguments);

}  // namespace flashpods::cli
