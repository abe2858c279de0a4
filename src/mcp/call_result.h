#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "base/random.h"
#include "mcp/revision.h"
#include "mcp/tool.h"

namespace flashpods::mcp {

/// The result of tools/call. An Error is a result too (isError), with what to do about it, so that
/// the model sees it. What the error quotes of other programs is fenced (job_data.h).
[[nodiscard]] nlohmann::json make_call_result(const Result<ToolReply>& outcome, Revision revision,
                                              Random& random);

}  // namespace flashpods::mcp
