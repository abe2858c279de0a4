#pragma once
// From what the executor saw to what the row says. Pure.

#include <optional>
#include <string>

#include "jobs/job.h"

namespace flashpods::jobs {

/// The last word on a job.
struct Ending {
  Status status = Status::kFailed;  ///< terminal
  std::string error;                ///< cause word; empty for a job that completed
  std::string message;              ///< for a person, in our own words
};

/// How the job ends, given what its container did. A stop wins over whatever the command did after
/// it was asked for: a cancelled job never completes. A command that had ended by itself before
/// keeps its own end, however late the news of it came.
[[nodiscard]] Ending decide_ending(const Job& job, const Exited& exited);

/// When the job ended, for its row: the executor's own time, so that a daemon that was down adds
/// nothing to the job's run. Not before the start and not after `now`; `now` if the executor knows
/// no time.
[[nodiscard]] Time ended_at(const Job& job, const Exited& exited, Time now);

/// A conflict of artifact names fails a job whatever its command did, unless it was stopped.
[[nodiscard]] Ending with_artifact_conflict(Ending ending, const std::string& name);

/// The host restarted after the job's end and before this one was on the disk, so that nobody knows
/// whether its artifacts are whole: a job is not said to be completed then.
[[nodiscard]] Ending with_doubtful_artifacts(Ending ending);

/// Advice for a job that failed, or whose log may lack something, from us alone: `log_tail` is
/// looked at, never quoted.
[[nodiscard]] std::optional<std::string> advise(const Job& job, const Ending& ending,
                                                const Exited& exited, std::string_view log_tail);

}  // namespace flashpods::jobs
