#include "mcp/spawn_differences.h"

#include <set>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "mcp/json_rpc.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

using nlohmann::json;

namespace {

/// What the tool for such a job says of its arguments ("properties" of its schema).
json properties_for(const json& job) {
  const bool is_worker = text_member(job, "type") == "worker";
  const auto* tool = find_tool(is_worker ? "spawn_worker" : "spawn_sub_agent");
  const auto schema = parse_json(tool->input_schema);
  return schema ? member(*schema, "properties") : json::object();
}

json value_of(const json& job, const json& properties, const std::string& name) {
  return job.contains(name) ? job[name] : member(member(properties, name), "default");
}

bool same_files(const SpawnRequest& first, const SpawnRequest& second) {
  if (!first.upload || !second.upload) return !first.upload && !second.upload;
  return first.upload->directory == second.upload->directory &&
         first.upload->exclude == second.upload->exclude &&
         first.upload->gitignore == second.upload->gitignore;
}

}  // namespace

std::vector<std::string> differing_arguments(const SpawnRequest& first,
                                             const SpawnRequest& second) {
  const auto properties = properties_for(*first.job);
  std::set<std::string> names;
  for (const auto& [name, value] : first.job->items()) names.insert(name);
  for (const auto& [name, value] : second.job->items()) names.insert(name);
  names.erase("client_job_id");
  std::vector<std::string> differing;
  for (const auto& name : names) {
    const bool same =
        value_of(*first.job, properties, name) == value_of(*second.job, properties, name);
    if (!same) differing.push_back(name);
  }
  if (!same_files(first, second)) differing.emplace_back("files");
  return differing;
}

}  // namespace flashpods::mcp
