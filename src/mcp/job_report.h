#pragma once
// How get_job_status, wait_for_job and list_jobs tell of a job.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/random.h"
#include "mcp/spawns.h"
#include "mcp/tool.h"

namespace flashpods::mcp {

/// True once nothing more happens: completed, failed, timed_out, cancelled, cleaning, cleaned.
[[nodiscard]] bool is_over(const nlohmann::json& job);

/// `job` as GET /jobs/:id gives it; `last_lines` its last output, fit to be shown, or empty.
[[nodiscard]] ToolReply report_job(const nlohmann::json& job, const std::string& last_lines,
                                   Random& random);

/// The same for a job that is on its way to the server, or did not get there.
[[nodiscard]] ToolReply report_spawn(const Spawn& spawn, Random& random);

/// A row of list_jobs.
[[nodiscard]] nlohmann::json summarize_job(const nlohmann::json& job);

/// JSON Schema of what report_job and report_spawn give.
extern const std::string_view kJobReportSchema;

}  // namespace flashpods::mcp
