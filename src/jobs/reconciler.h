#pragma once

#include "jobs/lifecycle.h"
#include "jobs/retention.h"
#include "uploads/uploads.h"

namespace flashpods::jobs {

/// Makes rows, containers and files agree: after a crash at any moment, and from then on every
/// minute (spec, "API Crash Safety" and "Cleanup Semantics"). What it drives must outlive it.
class Reconciler {
 public:
  struct Parts {
    uploads::Uploads& uploads;
    Lifecycle& jobs;
    Retention& retention;
    Timer& timer;
    Log& log;
  };
  static constexpr Milliseconds kEvery = std::chrono::minutes{1};

  explicit Reconciler(Parts parts) : with_(parts) {}

  /// At start, before a client is served: what was half done is finished or undone; every job that
  /// isn't over has its coroutine again. After an error it may be called again.
  Awaitable<Result<void>> recover();

  /// Once recovered, every minute: removes containers and processes without a job, and deletes what
  /// is due. Ends only with its task.
  Awaitable<void> run();

 private:
  Awaitable<void> attempt(Awaitable<void> work);

  Parts with_;
};

}  // namespace flashpods::jobs
