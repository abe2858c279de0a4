#pragma once

#include <string>
#include <vector>

#include "mcp/spawns.h"

namespace flashpods::mcp {

/// Arguments in which the two differ, by name; what is left out counts as its default. An
/// idempotency key is none of them.
[[nodiscard]] std::vector<std::string> differing_arguments(const SpawnRequest& first,
                                                           const SpawnRequest& second);

}  // namespace flashpods::mcp
