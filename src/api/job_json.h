#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "jobs/job.h"

namespace flashpods::api {

/// What a job's object says beyond its row.
struct JobExtras {
  std::int64_t artifact_count = 0;
  std::int64_t artifact_bytes = 0;
  std::uint64_t log_bytes = 0;  ///< of a job that still runs; its row knows at the end
  Time now{};
};

/// The object of GET /jobs/:id. Every member is always there; absent is null. Without `texts`, as
/// in a list or of a cleaned job, it has the excerpts of the texts, and no env.
[[nodiscard]] nlohmann::json to_json(const jobs::Job& job, const jobs::JobTexts* texts,
                                     const JobExtras& extras);

}  // namespace flashpods::api
