#pragma once
// What the server says of itself.

#include <nlohmann/json_fwd.hpp>

#include "mcp/revision.h"

namespace flashpods::mcp {

/// The result of `initialize`.
[[nodiscard]] nlohmann::json initialize_result(Revision revision);

/// The result of `server/discover` (2026-07-28).
[[nodiscard]] nlohmann::json discover_result();

/// The result of `tools/list`, with the members that the revision knows.
[[nodiscard]] nlohmann::json tools_list_result(Revision revision);

/// How to work with jobs, for the model.
extern const std::string_view kInstructions;

}  // namespace flashpods::mcp
