#pragma once

#include <memory>
#include <string>

#include "async/awaitable.h"
#include "base/error.h"
#include "mcp/spawns.h"
#include "mcp/tool.h"

namespace flashpods::mcp {

/// What a tool's `job_id` names: a job of the server (`id` is what its API takes), or one that is
/// still on its way or never got there (`spawn`).
struct JobReference {
  std::string id;
  std::shared_ptr<Spawn> spawn;  ///< nullptr once the job exists
};

/// A spawn that ended without a job as far as we saw, but had asked for it, is looked for on the
/// server first: a reply may have been lost. Errors are those of that question.
Awaitable<Result<JobReference>> look_up(Call& call, std::string job_id);

/// For tools that need the job itself: kConflict "job_not_started" while it is on its way.
Awaitable<Result<std::string>> existing_job(Call& call, std::string job_id);

/// "uploading, 12 MB of 40 MB", for a person.
[[nodiscard]] std::string describe(const Spawn& spawn);

}  // namespace flashpods::mcp
