#pragma once
// Rows of `jobs`, `job_texts` and `idempotency_keys`. Plain functions on a transaction; every
// change writes its event in the same one.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/admission.h"
#include "jobs/ending.h"
#include "jobs/job.h"
#include "logs/log_files.h"
#include "store/database.h"

namespace flashpods::jobs {

/// `fingerprint` is that of the request. The row's excerpts are made from `texts`.
void insert(Transaction& tx, const Job& job, const JobTexts& texts, std::string_view fingerprint);
[[nodiscard]] std::optional<Job> find(Transaction& tx, std::string_view id);

/// What of the request may be long, whole. Nothing once the job is cleaned.
[[nodiscard]] std::optional<JobTexts> texts(Transaction& tx, std::string_view id);

/// What insert() got.
[[nodiscard]] std::string fingerprint_of(Transaction& tx, std::string_view id);

/// JSON: [{"name", "reason"}]
[[nodiscard]] std::string rejected_artifacts(Transaction& tx, std::string_view id);

/// Whether the container of a job is confirmed gone; nothing if there is no such job.
[[nodiscard]] std::optional<bool> is_released(Transaction& tx, std::string_view id);

/// The job of a client's key: the active one, else the newest that had it.
[[nodiscard]] std::optional<Job> find_by_client_id(Transaction& tx, std::string_view client_job_id);

/// The job that a key makes a second creation return: not cleaned yet.
[[nodiscard]] std::optional<Job> find_active_key(Transaction& tx, std::string_view client_job_id);

/// A page ends with the job whose texts bring it to so many bytes, if not earlier by its limit.
inline constexpr std::size_t kMostPageBytes = 512 * 1024;

/// Which jobs to list, newest first.
struct ListQuery {
  std::string status = "all";  ///< all, running, completed, failed, or any one state's word
  std::optional<std::string> name;
  std::optional<std::pair<std::string, std::string>> label;
  std::int64_t limit = 20;
  std::optional<std::string> cursor;  ///< from ListPage::next_cursor
};
struct ListPage {
  std::vector<Job> jobs;
  std::optional<std::string> next_cursor;
};
/// kInvalid "invalid_cursor" for a cursor that we did not give.
[[nodiscard]] Result<ListPage> list(Transaction& tx, const ListQuery& query);

/// What is held by jobs whose container is not confirmed gone.
[[nodiscard]] Usage usage(Transaction& tx);

/// Jobs that are not released, oldest first.
[[nodiscard]] std::vector<std::string> unfinished(Transaction& tx);

/// pending → starting. False if it was stopped meanwhile (or is gone).
bool mark_starting(Transaction& tx, std::string_view id, Time now);

/// starting → running; also for a running job found again (no change).
void mark_running(Transaction& tx, const Job& job, const Started& started);

/// The intent of a stop, once; later calls change nothing.
void request_stop(Transaction& tx, std::string_view id, Time now);

struct Finish {
  Ending ending;
  std::optional<std::string> hint;
  Exited exited;
  std::string rejected = "[]";  ///< JSON
  Time ended_at{};
  Time now{};  ///< when this is written
  Time log_expires_at{};
  Time artifacts_expires_at{};
};
/// Active → terminal. False, and nothing changed, if the job is over already.
bool finish(Transaction& tx, std::string_view id, const Finish& finish);

/// Container and workspace confirmed gone: its resources are free.
void mark_released(Transaction& tx, std::string_view id, Time now);

/// terminal → cleaning → cleaned; the second frees the idempotency key and deletes the texts, of
/// which the excerpts stay.
void mark_cleaning(Transaction& tx, std::string_view id, Time now);
void mark_cleaned(Transaction& tx, std::string_view id, Time now);
void mark_log_deleted(Transaction& tx, std::string_view id, Time now);
void mark_artifacts_deleted(Transaction& tx, std::string_view id, Time now);

/// What is kept of a job that is over, and until when.
struct Kept {
  std::string id;
  std::optional<Time> log_expires_at;
  std::optional<Time> log_deleted_at;
  std::optional<Time> artifacts_expires_at;
  std::optional<Time> artifacts_deleted_at;
};
[[nodiscard]] std::optional<Kept> kept_of(Transaction& tx, std::string_view id);

/// Terminal, released jobs of which something has passed its time (or that are half cleaned).
[[nodiscard]] std::vector<Kept> due_for_cleanup(Transaction& tx, Time now);

/// The logs of terminal, released jobs, those of the jobs that ended first before the others.
[[nodiscard]] std::vector<logs::LogUsage> kept_logs(Transaction& tx);

void add_event(Transaction& tx, std::string_view job_id, std::string_view kind, Time now);

}  // namespace flashpods::jobs
