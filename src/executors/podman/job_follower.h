#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "async/blocking_pool.h"
#include "async/notifier.h"
#include "async/task_group.h"
#include "async/timer.h"
#include "executors/podman/shim_process.h"
#include "jobs/executor.h"
#include "telemetry/log.h"

namespace flashpods::executors {

/// What a follower needs of the executor it belongs to; all outlive it.
struct FollowerTools {
  const std::string& shim_program;
  BlockingPool& pool;
  Timer& timer;
  TaskGroup& tasks;
  Log& log;
  /// Removes the job's container and its processes (jobs::Executor::remove).
  std::function<Awaitable<Result<void>>(std::string job_id)> remove;
  /// After so many shims in a row that ended soon the container is ended without one.
  int most_shim_deaths;
};

/// flashpodsd's view of one job: keeps a shim alive, listens to it, and knows what the job's files
/// say. The files are the truth; what comes over the socket only says that it is time to look.
class JobFollower : public std::enable_shared_from_this<JobFollower> {
 public:
  JobFollower(const Executor& executor, std::string job_id, std::filesystem::path directory,
              FollowerTools tools);

  /// Follows until the container is gone, or no shim could be started at all (`failure`).
  Awaitable<void> follow();

  /// Returns once a shim has the stop on disk, or the job is over; after some seconds in any case.
  /// Every shim is asked again when it greets.
  Awaitable<void> stop();

  /// Ends shim and container, and the following (jobs::Executor::force_end). The end is what the
  /// job's files or conmon's exit file say, else `cause`.
  Awaitable<Result<void>> force_end(jobs::EndCause cause);

  /// Wakes whenever one of the members below has changed.
  [[nodiscard]] Notifier& changed() { return changed_; }

  bool responsible = false;  ///< a shim has the job
  std::optional<Error> failure;
  std::optional<jobs::Started> started;
  std::optional<jobs::Exited> exited;
  bool removed = false;

 private:
  struct Snapshot;
  static Snapshot read_files(const std::filesystem::path& directory);

  /// At the job's files; false if one could not be read.
  Awaitable<bool> look();
  Awaitable<void> refresh();
  Awaitable<std::optional<ShimSocket>> obtain_shim();
  Awaitable<void> listen(ShimSocket socket);
  void take_event(const std::string& line);
  void ask_to_stop();
  Awaitable<void> until_stop_is_kept();
  void hold_output();
  bool give_up(int failures);
  bool lived_long(Milliseconds begun) const;
  Awaitable<void> end_without_shims();
  Awaitable<void> note_forced_end(jobs::Exited end);

  std::string job_id_;
  std::filesystem::path directory_;
  FollowerTools tools_;
  Notifier changed_;
  ShimSocket* socket_ = nullptr;  ///< while listening
  bool greeted_ = false;          ///< by the shim of the present connection
  bool stop_wanted_ = false;
  bool stop_kept_ = false;
  bool forced_ = false;  ///< no further shim is started
  /// With both shim and job gone nobody else would have the FIFOs open, and what is in them would
  /// be lost before the next shim comes.
  Fd held_stdout_;
  Fd held_stderr_;
};

}  // namespace flashpods::executors
