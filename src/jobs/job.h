#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "jobs/executor.h"

namespace flashpods::jobs {

/// spec, "Job Lifecycle". The order is the order of a life.
enum class Status : std::uint8_t {
  kPending,   ///< admitted; waits for its turn to start
  kStarting,  ///< intent written: its container is being made
  kRunning,
  kCompleted,
  kFailed,
  kTimedOut,
  kCancelled,
  kCleaning,
  kCleaned,
};

[[nodiscard]] std::string_view to_string(Status status);
[[nodiscard]] std::string_view to_string(JobType type);
[[nodiscard]] std::string_view to_string(Network network);
[[nodiscard]] std::string_view to_string(Workspace workspace);
[[nodiscard]] std::string_view to_string(EndCause cause);
[[nodiscard]] std::optional<Status> parse_status(std::string_view word);
[[nodiscard]] std::optional<JobType> parse_job_type(std::string_view word);
[[nodiscard]] std::optional<Network> parse_network(std::string_view word);
[[nodiscard]] std::optional<Workspace> parse_workspace(std::string_view word);

/// What a job may use, and what the host has.
struct Resources {
  std::int64_t cpus = 0;
  std::int64_t memory_gb = 0;
  friend bool operator==(const Resources&, const Resources&) = default;
};

using StringMap = std::map<std::string, std::string>;

/// The short part of a request: a row of `jobs` has it all.
struct JobTerms {
  std::optional<std::string> client_job_id;
  JobType type = JobType::kWorker;
  std::optional<std::string> git_branch;
  std::optional<std::string> files_id;
  std::string image;
  Resources resources;
  std::int64_t timeout_minutes = 0;
  Network network = Network::kInternet;
  Workspace workspace = Workspace::kReadOnly;
  bool read_only_root = false;
  std::optional<std::string> name;
  StringMap labels;
  std::int64_t keep_minutes = 0;
};

/// The part of a request that may be long: a row of `job_texts`, until the job is cleaned.
struct JobTexts {
  std::optional<std::string> command;
  std::optional<std::string> task;
  std::optional<std::string> context;
  StringMap env;
};

/// What a client asked for, after syntax and bounds were checked and defaults filled in, before
/// caps.
struct JobRequest : JobTerms, JobTexts {};

/// One row of `jobs`, which is small. Resources and timeout are what was granted.
struct Job {
  std::string id;
  Status status = Status::kPending;
  JobTerms request;
  JobTexts excerpts;            ///< the first kExcerpt characters of each text; env is empty
  std::string adjusted = "{}";  ///< JSON: what was granted below the request

  std::optional<std::string> container_id;
  std::optional<std::string> image_digest;
  std::optional<std::int64_t> exit_code;
  std::optional<std::int64_t> signal;
  std::optional<std::string> error;
  std::optional<std::string> message;
  std::optional<std::string> details;  ///< what others said of the end: hostile text
  std::optional<std::string> hint;
  std::optional<Status> outcome;
  bool limits_enforced = true;

  Time created_at{};
  std::optional<Time> started_at;
  std::optional<Time> completed_at;
  std::optional<Time> stop_requested_at;
  std::optional<Time> released_at;

  std::uint64_t log_bytes = 0;
  bool log_truncated = false;
  std::optional<Time> log_expires_at;
  std::optional<Time> log_deleted_at;
  std::optional<Time> artifacts_expires_at;
  std::optional<Time> artifacts_deleted_at;
  std::int64_t rejected_count = 0;  ///< artifacts that were not kept: rejected_artifacts() has them
};

/// Characters of a text that a row of `jobs` keeps, also when the job is cleaned.
inline constexpr std::int64_t kExcerpt = 200;

}  // namespace flashpods::jobs
