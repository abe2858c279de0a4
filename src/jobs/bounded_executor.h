#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>

#include "async/timer.h"
#include "base/clock.h"
#include "jobs/executor.h"
#include "telemetry/log.h"

namespace flashpods::jobs {

/// The executor as the lifecycle uses it: every wait ends. A launched job must be over by its start
/// limit, run limit and grace plus a bound, and gone from the executor a bound later; a stop brings
/// that forward to grace plus bound. A job that exceeds this is logged as `job_overdue` and ended
/// by Executor::force_end(), again and again until that succeeds. Counts by the clock that never
/// jumps, and anew after a restart. One thread; what it is made of outlives it.
class BoundedExecutor {
 public:
  struct Parts {
    Executor& executor;
    const Clock& clock;
    Timer& timer;
    Log& log;
    ::flashpods::Executor loop;
  };

  /// `bound`: what the executor may take beyond a limit that it is to keep.
  BoundedExecutor(Parts parts, Seconds bound);
  ~BoundedExecutor();

  /// As Executor::launch(). A launch that does not return in time is ended by force, and counts as
  /// a success: wait_started() says how the job ended.
  Awaitable<Result<void>> launch(ContainerSpec spec);

  /// Whether launch() succeeded and forget() was not called since.
  [[nodiscard]] bool knows(const std::string& job_id) const;

  /// As of Executor, for a job that it knows.
  Awaitable<std::variant<Started, Exited>> wait_started(std::string job_id);
  Awaitable<Exited> wait_exited(std::string job_id);
  Awaitable<void> wait_removed(std::string job_id);

  /// As Executor::stop(). A job that is being launched keeps the time from here on; its launcher
  /// passes the stop on.
  Awaitable<void> stop(std::string job_id);

  /// As Executor::remove(); kUnavailable "remove_overdue" if it takes too long.
  Awaitable<Result<void>> remove(std::string job_id);

  /// The job is released.
  void forget(const std::string& job_id);

 private:
  struct Watched;
  using WatchedPtr = std::shared_ptr<Watched>;

  template <class T>
  Awaitable<T> in_time(WatchedPtr job, Awaitable<T> (Executor::*wait)(std::string));
  Awaitable<bool> removed(WatchedPtr job);
  Awaitable<void> end_by_force(WatchedPtr job);
  Awaitable<bool> try_force(WatchedPtr job);
  [[nodiscard]] WatchedPtr watch(const ContainerSpec& spec);

  Parts with_;
  Seconds bound_;
  std::map<std::string, WatchedPtr> jobs_;
};

}  // namespace flashpods::jobs
