#pragma once
// What a job has on disk, as the lifecycle sees it. The simulator has its own.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "base/error.h"
#include "store/database.h"

namespace flashpods::jobs {

/// What was collected from /artifacts.
struct Collected {
  std::optional<std::string> conflict;  ///< a name that stood twice
  std::string rejected = "[]";          ///< JSON: [{"name", "reason"}]
  /// Writes the artifact rows, in the transaction that ends the job.
  std::function<void(Transaction&, Time now)> insert_rows;
};

/// Job ids, each list without repetition.
struct JobsOnDisk {
  std::vector<std::string> workspaces;
  std::vector<std::string> results;  ///< a log, an artifact directory or both
};

class JobFiles {
 public:
  virtual ~JobFiles() = default;

  [[nodiscard]] virtual std::filesystem::path directory(const std::string& job_id) const = 0;
  [[nodiscard]] virtual std::filesystem::path log_file(const std::string& job_id) const = 0;

  /// Makes the job's directory with `work/` (the upload moved there, or empty) and `artifacts/`.
  /// Again after a crash: what is there already is fine.
  virtual Awaitable<Result<void>> prepare(std::string job_id,
                                          std::optional<std::string> upload_id) = 0;

  /// Moves what is worth keeping to the artifact directory. Again after a crash: the same result.
  virtual Awaitable<Result<Collected>> collect(std::string job_id) = 0;

  /// The last bytes of the log, for our own advice; empty if there is none.
  virtual Awaitable<std::string> log_tail(std::string job_id, std::size_t bytes) = 0;

  /// Free bytes where jobs write; nothing if it cannot be told.
  [[nodiscard]] virtual std::optional<std::uint64_t> free_bytes() const = 0;

  /// Removals: "already gone" is done.
  virtual Awaitable<Result<void>> remove_workspace(std::string job_id) = 0;
  virtual Awaitable<Result<void>> remove_log(std::string job_id) = 0;
  virtual Awaitable<Result<void>> remove_artifacts(std::string job_id) = 0;

  /// What is there, for the sweep of what no row names.
  virtual Awaitable<JobsOnDisk> on_disk() = 0;
};

}  // namespace flashpods::jobs
