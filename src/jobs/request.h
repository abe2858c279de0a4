#pragma once
// POST /jobs: from JSON to a JobRequest. Pure; every rule of the specification's request is here.

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "jobs/limits.h"

namespace flashpods::jobs {

/// Checks syntax, types, bounds and names, fills in defaults. kInvalid errors name the field;
/// kTooLarge "too_long" for command, task, context or an env value beyond limits.max_text_bytes;
/// kInvalid "request_too_long" if together they pass limits.max_texts_bytes.
[[nodiscard]] Result<JobRequest> parse_job_request(const nlohmann::json& body,
                                                   const JobLimits& limits);

/// The request as canonical JSON: everything but client_job_id and files_id (a retry may have
/// uploaded anew).
[[nodiscard]] nlohmann::json canonical(const JobRequest& request);

/// canonical() as text, with the SHA-256 in the place of each long value.
[[nodiscard]] std::string fingerprint(const JobRequest& request);

/// Names of the fields in which two fingerprints differ, sorted. `stored` may also be a canonical
/// request, which is what schema 1 has.
[[nodiscard]] std::vector<std::string> differing_fields(const std::string& stored,
                                                        const std::string& asked);

/// The environment its container gets: an agent's task by FLASHPODS_*, then the request's own.
[[nodiscard]] StringMap container_environment(const Job& job, const JobTexts& texts);

}  // namespace flashpods::jobs
