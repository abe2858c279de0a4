#pragma once
// The one transaction of POST /jobs: idempotency → caps → upload → admission → row and reservation.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/job.h"
#include "jobs/limits.h"
#include "store/database.h"

namespace flashpods::jobs {

struct Creation {
  Job job;
  bool created = true;
  std::vector<std::string> differs;  ///< of an existing job: fields in which the request differs
};

/// What creation needs besides the request.
struct CreationContext {
  std::string new_id;
  Time now{};
  bool start_now = false;  ///< a start slot is held: the row begins as `starting`
  std::optional<std::uint64_t> free_bytes = {};  ///< of the host's disk, if it can be told
  bool limits_enforced = true;                   ///< do cgroups hold cpus and memory on this host?
};

/// Returns the job that has the key already, or inserts a new one. Errors leave nothing behind:
/// a disk that is nearly full (507), admission (429), and those of uploads::reserve.
[[nodiscard]] Result<Creation> create(Transaction& tx, const JobRequest& request,
                                      const JobLimits& limits, const CreationContext& context);

}  // namespace flashpods::jobs
