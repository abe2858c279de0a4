#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "async/semaphore.h"
#include "async/task_group.h"
#include "async/timer.h"
#include "base/clock.h"
#include "base/random.h"
#include "jobs/bounded_executor.h"
#include "jobs/creation.h"
#include "jobs/executor.h"
#include "jobs/job_files.h"
#include "jobs/limits.h"
#include "jobs/repository.h"
#include "store/store.h"
#include "telemetry/log.h"

namespace flashpods::jobs {

/// Everything the lifecycle touches, owned by the daemon (or the simulator) and outliving it.
struct Surroundings {
  Store& store;
  Executor& executor;
  JobFiles& files;
  Clock& clock;
  Random& random;
  Timer& timer;
  Log& log;
};

/// Takes each job from its row to `released`. One coroutine a job, driven by what the row says, so
/// that a restart continues where the last process was killed: state in memory only says whom to
/// wake. Whatever one job or its supervisor does, the job ends and is released in a bounded time
/// (BoundedExecutor). One thread.
class Lifecycle {
 public:
  Lifecycle(Surroundings surroundings, JobLimits limits, std::string instance, bool limits_enforced,
            ::flashpods::Executor loop);

  /// POST /jobs. The job is durable, and its start under way, when this returns.
  Awaitable<Result<Creation>> create(JobRequest request);

  /// DELETE /jobs/:id. Returns the job as it is now; the end comes by itself. kNotFound.
  Awaitable<Result<Job>> stop(std::string job_id);

  /// At start: takes up every unfinished job where its row says it is (spec, "API Crash Safety").
  /// May run any number of times.
  Awaitable<void> recover();

  /// Ends the coroutines, not the jobs.
  Awaitable<void> close();

  [[nodiscard]] const JobLimits& limits() const { return limits_; }

 private:
  /// How a coroutine came to its job: made now, or found in the database at start.
  enum class Origin : std::uint8_t { kNew, kRecovered };

  void supervise(const std::string& job_id, Origin origin, Semaphore::Permit permit);
  Awaitable<void> run_until_released(std::string job_id, Origin origin, Semaphore::Permit permit);
  Awaitable<void> until_done(std::string job_id, std::function<Awaitable<void>()> attempt);
  Awaitable<void> run(std::string job_id, Origin& origin, Semaphore::Permit permit);
  Awaitable<bool> become_starting(std::string job_id, Semaphore::Permit& permit);
  Awaitable<Exited> run_container(Job job, Origin origin, Semaphore::Permit permit);
  Awaitable<std::optional<Exited>> hand_over(Job job, Origin origin, Semaphore::Permit& permit);
  Awaitable<Result<void>> launch(Job job, bool adopt);
  Awaitable<std::variant<Started, Exited>> wait_started(Job job, Semaphore::Permit permit);
  Awaitable<void> remove_left_container(std::string job_id);
  Awaitable<void> note_running(Job job, Started started);
  Awaitable<void> end(Job job, Exited exited);
  Awaitable<void> release(std::string job_id, bool launched);

  Awaitable<Job> load(std::string job_id);
  [[nodiscard]] ContainerSpec spec_of(const Job& job, const JobTexts& texts, bool adopt) const;
  [[nodiscard]] Exited never_started(EndCause cause, std::string message) const;
  void log_error(std::string_view event, const std::string& job_id, const Error& error);

  Surroundings with_;
  BoundedExecutor executor_;
  JobLimits limits_;
  std::string instance_;
  bool limits_enforced_;
  Semaphore start_slots_;
  std::set<std::string> supervised_;  // a coroutine of ours has these
  TaskGroup tasks_;
};

}  // namespace flashpods::jobs
