#pragma once
// Jobs on their way to the server: they outlive the call that began them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "async/task_group.h"
#include "base/error.h"
#include "client/upload_plan.h"
#include "mcp/backend.h"
#include "mcp/event.h"

namespace flashpods::mcp {

/// What to do: send a directory (or nothing), then create the job.
struct SpawnRequest {
  std::string client_job_id;
  std::shared_ptr<const nlohmann::json> job;  ///< POST /jobs, files_id included if given
  std::optional<client::UploadRequest> upload;
};

enum class SpawnPhase : std::uint8_t {
  kPreparing,  ///< looking at files and quota
  kUploading,
  kStarting,  ///< POST /jobs
  kWaiting,   ///< the host has no room; tried again after a while
  kStarted,
  kFailed,
  kCancelled,
};

[[nodiscard]] std::string_view to_string(SpawnPhase phase);

/// One spawn, as far as it is.
struct Spawn {
  explicit Spawn(const Executor& executor) : finished(executor), cancel(executor) {}

  std::string client_job_id;
  std::shared_ptr<const SpawnRequest> asked;  ///< what it was started for
  SpawnPhase phase = SpawnPhase::kPreparing;
  std::uint64_t sent_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::string upload_id;                         ///< empty until known
  std::vector<std::string> warnings;             ///< for the agent, in our own words
  std::vector<std::string> likely_secrets;       ///< names of files that go along: data
  std::string waiting_for;                       ///< with kWaiting
  std::shared_ptr<const nlohmann::json> upload;  ///< the finalize reply
  std::shared_ptr<const nlohmann::json> reply;   ///< POST /jobs, with kStarted
  std::optional<Error> error;                    ///< with kFailed
  /// POST /jobs was tried: whatever came of it here, the server may have the job. Its key finds it.
  bool was_posted = false;
  Event finished;
  Event cancel;
  std::function<void()> on_change;  ///< set by the call that watches, if one does

  [[nodiscard]] bool is_over() const { return phase >= SpawnPhase::kStarted; }
};

/// What a request led to.
struct SpawnStart {
  std::shared_ptr<Spawn> spawn;
  std::vector<std::string> differs;  ///< arguments in which it was started for something else
};

/// Runs spawns in the background, one for each client_job_id at a time. Finished ones are kept for
/// a while, so that get_job_status can tell how they ended.
class Spawns {
 public:
  Spawns(const Executor& executor, Backend& backend);

  /// Starts, or joins the one under way with this client_job_id.
  SpawnStart start(SpawnRequest request);

  /// nullptr if none of this client_job_id is known.
  [[nodiscard]] std::shared_ptr<Spawn> find(const std::string& client_job_id) const;

  /// Kills the transfers (what was sent stays, for a resumption) and waits for their end.
  Awaitable<void> close();

 private:
  Awaitable<void> run(std::shared_ptr<Spawn> spawn, SpawnRequest request);
  Awaitable<void> steps(std::shared_ptr<Spawn> spawn, SpawnRequest request);
  Awaitable<void> withdraw(std::shared_ptr<Spawn> spawn);
  void forget_old();

  Executor executor_;
  Backend& backend_;
  std::map<std::string, std::shared_ptr<Spawn>> spawns_;
  TaskGroup tasks_;
};

/// The id under which a spawn's files go: the same for the same client_job_id, directory and
/// secret, so that an interrupted upload is taken up again, even by a new process; `attempt` counts
/// ids that are used up.
[[nodiscard]] std::string upload_id_for(const std::string& client_job_id,
                                        const std::filesystem::path& directory,
                                        const std::string& secret, int attempt);

}  // namespace flashpods::mcp
