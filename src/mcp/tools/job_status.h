#pragma once

#include <string>

#include "mcp/tool.h"

namespace flashpods::mcp {

/// The report on a job, with its last 20 lines if it failed; `job_id` as every job tool takes it.
Awaitable<Result<ToolReply>> read_status(Call& call, std::string job_id);

/// The same for a job that was read already.
Awaitable<ToolReply> report_with_output(Call& call, const nlohmann::json& job);

}  // namespace flashpods::mcp
