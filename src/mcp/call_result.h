#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "mcp/revision.h"
#include "mcp/tool.h"

namespace flashpods::mcp {

/// The result of tools/call. An Error is a result too (isError), with what to do about it, so that
/// the model sees it.
[[nodiscard]] nlohmann::json make_call_result(const Result<ToolReply>& outcome, Revision revision);

}  // namespace flashpods::mcp
