#pragma once
// POST /jobs: from JSON to a JobRequest. Pure; every rule of the specification's request is here.

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "jobs/limits.h"

namespace flashpods::jobs {

/// Checks syntax, types, bounds and names, fills in defaults. kInvalid errors name the field;
/// kTooLarge "too_long" for command, task, context or an env value beyond limits.max_text_bytes.
[[nodiscard]] Result<JobRequest> parse_job_request(const nlohmann::json& body,
                                                   const JobLimits& limits);

/// The request as canonical JSON text, for the row; everything but client_job_id and files_id
/// (a retry may have uploaded anew).
[[nodiscard]] std::string fingerprint(const JobRequest& request);

/// Names of the fields in which two fingerprints differ, sorted.
[[nodiscard]] std::vector<std::string> differing_fields(const std::string& stored,
                                                        const std::string& asked);

/// The environment its container gets: an agent's task by FLASHPODS_*, then the request's own.
[[nodiscard]] StringMap container_environment(const Job& job);

}  // namespace flashpods::jobs
