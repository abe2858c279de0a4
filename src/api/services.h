#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "api/bearer.h"
#include "async/blocking_pool.h"
#include "async/semaphore.h"
#include "async/timer.h"
#include "base/clock.h"
#include "http/message.h"
#include "http/router.h"
#include "jobs/lifecycle.h"
#include "store/store.h"
#include "uploads/uploads.h"

namespace flashpods::api {

/// Facts about this host that /health tells.
struct HostFacts {
  std::string version;
  std::string instance;
  std::string executor;
  bool limits_enforced = true;
  bool lan_isolation = false;
  std::uint16_t rsync_port = 0;
  std::uint64_t max_upload_bytes = 0;
};

/// What the endpoints work with; owned by the daemon, outlives the server.
struct Services {
  Store& store;
  jobs::Lifecycle& jobs;
  jobs::JobFiles& files;
  uploads::Uploads& uploads;
  std::filesystem::path artifacts;  ///< artifacts/{job_id}/…
  std::filesystem::path spool;      ///< where uploads take space
  const Clock& clock;
  Timer& timer;
  BlockingPool& pool;
  BearerToken token;
  HostFacts facts;
  Semaphore listings{1};  ///< a page is long to read: one at a time, so that others wait for one
  int followers = 0;      ///< streams of output under way; the loop's thread only
};

/// The table of endpoints (spec, "API Specification").
[[nodiscard]] std::vector<http::Route> routes(Services& services);

/// Router and bearer check around it: what http::Server calls. `services` must outlive it.
[[nodiscard]] http::Handler make_handler(Services& services);

/// A JSON reply.
[[nodiscard]] http::Response json_reply(int status, const nlohmann::json& body);

/// The job that ":id" names, by job id or by client_job_id. kNotFound "job_not_found".
[[nodiscard]] Result<jobs::Job> find_job(Transaction& tx, const std::string& id);

/// A query parameter as a whole number in [low, high], or `fallback`; kInvalid otherwise.
[[nodiscard]] Result<std::int64_t> query_integer(const http::Request& request,
                                                 const std::string& name, std::int64_t fallback,
                                                 std::int64_t low, std::int64_t high);

/// kInvalid "unknown_parameter" if the query has a name that is not among `known`.
[[nodiscard]] Result<void> check_query(const http::Request& request,
                                       std::initializer_list<std::string_view> known);

// One file a resource.
using Reply = Result<http::Response>;
Awaitable<Reply> create_job(Services& services, http::Request request);
Awaitable<Reply> list_jobs(Services& services, http::Request request);
Awaitable<Reply> get_job(Services& services, http::Request request);
Awaitable<Reply> delete_job(Services& services, http::Request request);
Awaitable<Reply> get_output(Services& services, http::Request request);
Awaitable<Reply> list_artifacts(Services& services, http::Request request);
Awaitable<Reply> get_artifact(Services& services, http::Request request);
Awaitable<Reply> finalize_upload(Services& services, http::Request request);
Awaitable<Reply> get_upload(Services& services, http::Request request);
Awaitable<Reply> delete_upload(Services& services, http::Request request);
Awaitable<Reply> get_health(Services& services, http::Request request);

}  // namespace flashpods::api
