#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "cli/interrupts.h"
#include "cli/session.h"
#include "client/api.h"

namespace flashpods::cli {

/// Shows the job's output until its end and returns the ended job; nothing if the person detached,
/// or pressed Ctrl-C again while the job was being stopped. Ctrl-C: see ask_what_to_do.
Awaitable<Result<std::optional<nlohmann::json>>> watch_job(Session& session, client::Api& api,
                                                           Interrupts& interrupts,
                                                           std::string job_id);

/// Asks again and again, less and less often, until the job has ended. A server that is away for a
/// moment does not end it.
Awaitable<Result<nlohmann::json>> await_end(Timer& timer, client::Api& api, std::string job_id);

}  // namespace flashpods::cli
