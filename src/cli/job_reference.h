#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "base/error.h"
#include "client/api.h"

namespace flashpods::cli {

/// The job that a person's word means, as GET /jobs/:id gives it. In this order: a job id or
/// client_job_id; a name (the newest job of that name); the beginning of exactly one job id, with
/// or without "job_". kNotFound "job_not_found", kInvalid "ambiguous_job" (names the candidates).
Awaitable<Result<nlohmann::json>> find_job(client::Api& api, std::string word);

/// All jobs the server lists for `query`, newest first, page after page, at most `limit`.
Awaitable<Result<nlohmann::json>> list_jobs(client::Api& api, client::JobQuery query,
                                            std::size_t limit);

}  // namespace flashpods::cli
