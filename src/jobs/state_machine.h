#pragma once
// The life of a job as a pure rule (spec, "Job Lifecycle" and "Job Semantics").

#include "jobs/job.h"

namespace flashpods::jobs {

/// completed, failed, timed_out or cancelled: over, logs and artifacts still there.
[[nodiscard]] constexpr bool is_terminal(Status status) {
  return status >= Status::kCompleted && status <= Status::kCancelled;
}

/// pending, starting or running.
[[nodiscard]] constexpr bool is_active(Status status) { return status <= Status::kRunning; }

/// May a job go from one state to another? Never backwards, never out of cleaned, never from one
/// terminal state to another: a cancelled job never completes.
[[nodiscard]] constexpr bool may_become(Status from, Status to) {
  if (is_active(from)) {
    return (is_active(to) && static_cast<int>(to) == static_cast<int>(from) + 1) ||
           // Only a command that ran can complete or exceed its time.
           to == Status::kFailed || to == Status::kCancelled ||
           (from != Status::kPending && (to == Status::kCompleted || to == Status::kTimedOut));
  }
  if (is_terminal(from)) return to == Status::kCleaning;
  return from == Status::kCleaning && to == Status::kCleaned;
}

}  // namespace flashpods::jobs
