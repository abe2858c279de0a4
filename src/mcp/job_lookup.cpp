#include "mcp/job_lookup.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mcp/json_rpc.h"

namespace flashpods::mcp {

JobReference look_up(const Call& call, const std::string& job_id) {
  auto spawn = call.spawns.find(job_id);
  if (!spawn) return {job_id, nullptr};
  if (spawn->phase != SpawnPhase::kStarted) return {{}, spawn};
  return {text_member(*spawn->reply, "job_id"), nullptr};
}

Result<std::string> existing_job(const Call& call, const std::string& job_id) {
  auto reference = look_up(call, job_id);
  if (!reference.spawn) return std::move(reference.id);
  return fail(ErrorKind::kConflict, "job_not_started",
              "the job does not exist yet (" + describe(*reference.spawn) +
                  "); see get_job_status with the same id");
}

std::string describe(const Spawn& spawn) {
  switch (spawn.phase) {
    case SpawnPhase::kUploading:
      return "uploading, " + to_human_size(spawn.sent_bytes) + " of " +
             to_human_size(spawn.total_bytes);
    case SpawnPhase::kWaiting:
      return "waiting for room: " + spawn.waiting_for;
    case SpawnPhase::kFailed:
      return "failed: " + (spawn.error ? spawn.error->message : std::string{"unknown"});
    default:
      return std::string{to_string(spawn.phase)};
  }
}

}  // namespace flashpods::mcp
