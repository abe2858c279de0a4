#include "mcp/tools/tools.h"

#include <algorithm>

namespace flashpods::mcp {

const std::vector<Tool>& all_tools() {
  static const std::vector<Tool> tools{
      spawn_worker_tool(),      spawn_sub_agent_tool(), get_job_status_tool(),
      wait_for_job_tool(),      get_job_output_tool(),  get_job_artifacts_tool(),
      download_artifact_tool(), list_jobs_tool(),       kill_job_tool()};
  return tools;
}

const Tool* find_tool(std::string_view name) {
  const auto& tools = all_tools();
  const auto found = std::ranges::find(tools, name, &Tool::name);
  return found == tools.end() ? nullptr : &*found;
}

}  // namespace flashpods::mcp
