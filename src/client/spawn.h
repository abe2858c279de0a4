#pragma once
// Creating a job exactly once, however often it takes.

#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "async/timer.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/api.h"

namespace flashpods::client {

/// How long to wait before try `attempt` + 1 (attempt counts from 0): min(1 s · 2^attempt, 30 s),
/// or what the server's Retry-After asks if that is longer (at most 60 s).
[[nodiscard]] Milliseconds spawn_wait(int attempt, std::optional<Seconds> retry_after);

struct SpawnPolicy {
  int attempts = 5;  ///< spec/02 "Queue Strategy"
};

/// Called before each wait, for a person or a progress notification.
using OnSpawnWait = std::function<void(const Error& why, Milliseconds wait)>;

/// POST /jobs until it is answered. `request` must carry client_job_id: with it a lost reply is
/// sent again without making a second job. 429 is retried by `policy` unless the server says
/// never_fits. On giving up the error ("insufficient_resources") says what runs, what is free, and
/// that the upload (files_id) is kept for a later try.
Awaitable<Result<nlohmann::json>> spawn_job(Api& api, Timer& timer, nlohmann::json request,
                                            SpawnPolicy policy = {}, OnSpawnWait on_wait = {});

}  // namespace flashpods::client
