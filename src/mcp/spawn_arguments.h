#pragma once

#include "async/awaitable.h"
#include "base/error.h"
#include "mcp/spawns.h"
#include "mcp/tool.h"

namespace flashpods::mcp {

enum class JobType : std::uint8_t { kWorker, kAgent };

/// Reads the arguments of spawn_worker or spawn_sub_agent and resolves files.local_path by the
/// call's path rules. A client_job_id is made up if none is given.
Awaitable<Result<SpawnRequest>> read_spawn_arguments(Call& call, JobType type);

}  // namespace flashpods::mcp
