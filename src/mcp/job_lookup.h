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

[[nodiscard]] JobReference look_up(const Call& call, const std::string& job_id);

/// For tools that need the job itself: kConflict "job_not_started" while it is on its way.
[[nodiscard]] Result<std::string> existing_job(const Call& call, const std::string& job_id);

/// "uploading, 12 MB of 40 MB", for a person.
[[nodiscard]] std::string describe(const Spawn& spawn);

}  // namespace flashpods::mcp
