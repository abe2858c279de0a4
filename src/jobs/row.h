#pragma once

#include "jobs/job.h"
#include "store/database.h"

namespace flashpods::jobs {

/// A row of SELECT * FROM jobs as a Job. Throws StoreError if the row makes no sense.
[[nodiscard]] Job to_job(const Row& row);

}  // namespace flashpods::jobs
