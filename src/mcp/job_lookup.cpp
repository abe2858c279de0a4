#include "mcp/job_lookup.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mcp/backend.h"
#include "mcp/json_rpc.h"

namespace flashpods::mcp {

namespace {

/// Whether the server has the job of a spawn that saw none made. One that is cleaned had the key
/// before.
Awaitable<Result<bool>> has_job(Call& call, std::string client_job_id) {
  auto api = co_await call.backend.api();
  if (!api) co_return std::unexpected(std::move(api.error()));
  const auto job = co_await (*api)->job(std::move(client_job_id));
  if (job) co_return text_member(*job, "status") != "cleaned";
  if (job.error().kind == ErrorKind::kNotFound) co_return false;
  co_return std::unexpected(job.error());
}

}  // namespace

Awaitable<Result<JobReference>> look_up(Call& call, std::string job_id) {
  const auto spawn = call.spawns.find(job_id);
  if (!spawn) co_return JobReference{std::move(job_id), nullptr};
  if (spawn->phase == SpawnPhase::kStarted) {
    co_return JobReference{text_member(*spawn->reply, "job_id"), nullptr};
  }
  if (!spawn->is_over() || !spawn->was_posted) co_return JobReference{{}, spawn};
  const auto exists = co_await has_job(call, job_id);
  if (!exists) co_return std::unexpected(exists.error());
  if (*exists) co_return JobReference{std::move(job_id), nullptr};
  co_return JobReference{{}, spawn};
}

Awaitable<Result<std::string>> existing_job(Call& call, std::string job_id) {
  auto reference = co_await look_up(call, std::move(job_id));
  if (!reference) co_return std::unexpected(std::move(reference.error()));
  if (!reference->spawn) co_return std::move(reference->id);
  co_return fail(ErrorKind::kConflict, "job_not_started",
                 "the job does not exist yet (" + describe(*reference->spawn) +
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
