#pragma once
// Our HTTP API as typed calls. Replies stay JSON objects with the members of the specification.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "base/error.h"
#include "client/connection.h"

namespace flashpods::client {

/// GET /jobs: what is empty or 0 is not sent.
struct JobQuery {
  std::string status;
  int limit = 0;
  std::string cursor;
  std::string name;
  std::string label;  ///< "key=value"
};

/// GET /jobs/:id/output: either the last `tail` lines, or bytes from `offset`.
struct OutputQuery {
  std::optional<std::int64_t> tail;
  std::optional<std::uint64_t> offset;
  std::optional<std::uint64_t> limit;  ///< bytes, with `offset`
  std::string stream;                  ///< "stdout", "stderr" or both if empty
  bool timestamps = false;
};

/// One server-sent event of a followed log: its name ("message" if none) and its data, not parsed.
/// Return false to stop.
using OnEvent = std::function<bool(std::string_view event, std::string_view data)>;

using OnBytes = std::function<bool(std::string_view piece)>;

/// One server. Calls may overlap: each takes an idle kept-alive connection or opens one. An error
/// reply becomes an Error with the server's code and message, and its other members as details
/// (plus "status" and, where sent, "retry_after_seconds"); an unreachable server is kUnavailable
/// "unreachable" with what to run. `id` may be a job id or a client_job_id.
class Api {
 public:
  explicit Api(Connection connection);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  [[nodiscard]] const Connection& connection() const;

  Awaitable<Result<nlohmann::json>> health();
  Awaitable<Result<nlohmann::json>> create_job(nlohmann::json request);
  Awaitable<Result<nlohmann::json>> job(std::string id);
  Awaitable<Result<nlohmann::json>> jobs(JobQuery query);
  Awaitable<Result<nlohmann::json>> kill_job(std::string id);
  Awaitable<Result<nlohmann::json>> output(std::string id, OutputQuery query);
  /// The log's own bytes (raw=1), `query` as above.
  Awaitable<Result<void>> raw_output(std::string id, OutputQuery query, OnBytes on_bytes);
  /// Follows the log from `query.offset` (or with `query.tail` lines before) until the job's end.
  Awaitable<Result<void>> follow_output(std::string id, OutputQuery query, OnEvent on_event);
  Awaitable<Result<nlohmann::json>> artifacts(std::string id);
  Awaitable<Result<nlohmann::json>> finalize_upload(std::string upload_id);
  Awaitable<Result<nlohmann::json>> upload(std::string upload_id);
  Awaitable<Result<nlohmann::json>> delete_upload(std::string upload_id);

  /// The artifact's bytes from `offset` on; returns the SHA-256 that the ETag states. See
  /// download.h for files.
  Awaitable<Result<std::string>> artifact_bytes(std::string id, std::string name,
                                                std::uint64_t offset, OnBytes on_bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashpods::client
