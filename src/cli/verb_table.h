#pragma once

#include <span>
#include <string_view>

#include "cli/verb.h"

namespace flashpods::cli {

/// Every verb, in the order of `flashpods --help`.
[[nodiscard]] std::span<const VerbEntry* const> all_verbs();

/// The verb of that name, or nullptr.
[[nodiscard]] const VerbEntry* find_verb(std::string_view name);

/// The verb whose name is nearest to a mistyped one; nullptr if none is near.
[[nodiscard]] const VerbEntry* nearest_verb(std::string_view mistyped);

}  // namespace flashpods::cli
