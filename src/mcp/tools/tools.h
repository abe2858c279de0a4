#pragma once
// One function a tool; each file holds one.

#include <span>
#include <string_view>
#include <vector>

#include "mcp/tool.h"

namespace flashpods::mcp {

[[nodiscard]] Tool spawn_worker_tool();
[[nodiscard]] Tool spawn_sub_agent_tool();
[[nodiscard]] Tool get_job_status_tool();
[[nodiscard]] Tool wait_for_job_tool();
[[nodiscard]] Tool get_job_output_tool();
[[nodiscard]] Tool get_job_artifacts_tool();
[[nodiscard]] Tool download_artifact_tool();
[[nodiscard]] Tool list_jobs_tool();
[[nodiscard]] Tool kill_job_tool();

/// All of them, in the order in which tools/list shows them.
[[nodiscard]] const std::vector<Tool>& all_tools();

/// nullptr if there is none of this name.
[[nodiscard]] const Tool* find_tool(std::string_view name);

}  // namespace flashpods::mcp
