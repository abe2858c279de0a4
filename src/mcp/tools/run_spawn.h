#pragma once

#include "mcp/spawn_arguments.h"
#include "mcp/tool.h"

namespace flashpods::mcp {

/// What spawn_worker and spawn_sub_agent do: start the spawn, report its progress, and answer with
/// the job, or after 40 s with the client_job_id of what goes on in the background. Cancelling the
/// call cancels the spawn.
Awaitable<Result<ToolReply>> run_spawn(Call& call, JobType type);

/// JSON Schema of the answer.
extern const std::string_view kSpawnReplySchema;

}  // namespace flashpods::mcp
