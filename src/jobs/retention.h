#pragma once

#include "jobs/lifecycle.h"

namespace flashpods::jobs {

/// Deletes what has passed its time: artifacts and logs each alone, then the job becomes `cleaned`;
/// oldest logs beyond the host's limit; and what no row names, or no longer.
class Retention {
 public:
  Retention(Surroundings surroundings, const JobLimits& limits)
      : with_(surroundings), limits_(limits) {}

  /// Every minute (spec, "Cleanup Semantics"); files that no row names included.
  Awaitable<void> sweep();

  /// Removes containers and processes whose job is over or unknown (spec, "API Crash Safety"). An
  /// executor that fails is asked again in the next minute.
  Awaitable<void> remove_orphans();

 private:
  Awaitable<void> clean(Kept job);
  Awaitable<void> delete_artifacts(std::string job_id);
  Awaitable<void> delete_log(std::string job_id);
  Awaitable<void> drop_oldest_logs();
  Awaitable<void> remove_unknown_files();
  Awaitable<std::optional<Kept>> kept(std::string job_id);
  Awaitable<std::optional<bool>> released(std::string job_id);
  bool done(std::string_view what, const std::string& job_id, const Result<void>& removal);

  Surroundings with_;
  const JobLimits& limits_;
};

}  // namespace flashpods::jobs
