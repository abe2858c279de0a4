#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jobs/job.h"

namespace flashpods::jobs {

/// What the configuration says of one job type (spec, "Default Resource Limits").
struct TypeLimits {
  Resources defaults{2, 4};
  Resources caps{8, 16};
  std::int64_t default_timeout_minutes = 30;
  std::int64_t max_timeout_minutes = 120;
  std::string default_image;
};

struct JobLimits {
  TypeLimits worker{{2, 4}, {8, 16}, 30, 120, "ubuntu:22.04"};
  TypeLimits agent{{2, 4}, {4, 8}, 60, 120, "flashpods/agent:latest"};
  Resources capacity;  ///< what may be given away on this host, all jobs together
  std::int64_t default_keep_minutes = 60;
  std::int64_t max_keep_minutes = 7 * 24 * 60;
  /// One string of argv or env holds at most 128 KiB (execve(2), MAX_ARG_STRLEN); this leaves room.
  std::size_t max_text_bytes = 96 * 1024;
  /// Command, task, context and env together: each job's are stored, sent and listed.
  std::size_t max_texts_bytes = 256 * 1024;
  std::vector<std::string> private_registries;  ///< "host:port", from which images may come
  Seconds grace{10};
  Seconds start_limit{600};
  /// What a job's supervisor may take beyond these, see BoundedExecutor.
  Seconds overdue_bound{120};
  std::int64_t concurrent_starts = 4;
  Seconds start_slot{15};  ///< a start that takes longer is none of the concurrent ones any more
  std::uint64_t max_disk_bytes = 20ULL * 1024 * 1024 * 1024;
  std::uint64_t min_free_bytes = 2ULL * 1024 * 1024 * 1024;
  std::uint64_t max_log_bytes = 50ULL * 1024 * 1024;
  std::uint64_t max_total_log_bytes = 10ULL * 1024 * 1024 * 1024;
  std::int64_t log_hours = 24;
  /// Of all jobs' artifacts (artifacts::counted_bytes); above it no job is taken.
  std::uint64_t max_stored_artifact_bytes = 20ULL * 1024 * 1024 * 1024;

  [[nodiscard]] const TypeLimits& of(JobType type) const {
    return type == JobType::kWorker ? worker : agent;
  }
};

}  // namespace flashpods::jobs
