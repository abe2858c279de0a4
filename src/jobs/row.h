#pragma once

#include <string_view>

#include "jobs/job.h"
#include "store/database.h"

namespace flashpods::jobs {

/// The columns of `jobs` that to_job() needs, for a SELECT. All are short.
inline constexpr std::string_view kJobColumns =
    "id, job_type, status, command, task, context, git_branch, files_id, image, cpus, memory_gb,"
    " timeout_minutes, container_id, exit_code, error, created_at, started_at, completed_at,"
    " outcome, message, details, hint, signal, image_digest, network, workspace, read_only_root,"
    " name, labels, keep_minutes, client_job_id, adjusted, limits, stop_requested_at, log_bytes,"
    " log_truncated, log_deleted_at, log_expires_at, artifacts_deleted_at, artifacts_expires_at,"
    " json_array_length(rejected) AS rejected_count, released_at";

/// A row of kJobColumns as a Job. Throws StoreError if the row makes no sense.
[[nodiscard]] Job to_job(const Row& row);

/// A row of `job_texts` (command, task, context, env).
[[nodiscard]] JobTexts to_texts(const Row& row);

}  // namespace flashpods::jobs
