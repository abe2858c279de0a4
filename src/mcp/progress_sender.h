#pragma once

#include "base/clock.h"
#include "mcp/line_writer.h"
#include "mcp/tool.h"

namespace flashpods::mcp {

/// A Progress that sends notifications/progress for this request's _meta.progressToken, at most a
/// few a second and always growing; one that does nothing if the request has no token. What it
/// refers to outlives the call.
[[nodiscard]] Progress make_progress(const nlohmann::json& params, LineWriter& writer,
                                     const Clock& clock);

}  // namespace flashpods::mcp
