#pragma once

#include <stop_token>

#include "artifacts/collector.h"
#include "async/blocking_pool.h"
#include "jobs/job_files.h"
#include "uploads/directories.h"

namespace flashpods::jobs {

/// The real JobFiles: directories named by job id, siblings of the uploads on one filesystem, so
/// that moving is renaming. What a job's own files make long has a thread of its own, the rest runs
/// in the pool.
class StoredJobFiles final : public JobFiles {
 public:
  struct Directories {
    std::filesystem::path jobs;
    std::filesystem::path artifacts;
    std::filesystem::path logs;
  };
  StoredJobFiles(Directories directories, uploads::Directories uploads, artifacts::Limits limits,
                 BlockingPool& pool);

  [[nodiscard]] std::filesystem::path directory(const std::string& job_id) const override;
  [[nodiscard]] std::filesystem::path log_file(const std::string& job_id) const override;
  Awaitable<Result<void>> prepare(std::string job_id,
                                  std::optional<std::string> upload_id) override;
  Awaitable<Result<Collected>> collect(std::string job_id) override;
  Awaitable<std::string> log_tail(std::string job_id, std::size_t bytes) override;
  [[nodiscard]] std::optional<std::uint64_t> free_bytes() const override;
  Awaitable<Result<void>> remove_workspace(std::string job_id) override;
  Awaitable<Result<void>> remove_log(std::string job_id) override;
  Awaitable<Result<void>> remove_artifacts(std::string job_id) override;
  Awaitable<JobsOnDisk> on_disk() override;

  /// What is being collected fails soon, to be collected again by the next process.
  void interrupt() { stop_.request_stop(); }

 private:
  [[nodiscard]] Result<void> make_workspace(const std::string& job_id,
                                            const std::optional<std::string>& upload_id) const;

  Directories directories_;
  uploads::Directories uploads_;
  artifacts::Limits limits_;
  std::stop_source stop_;
  BlockingPool& pool_;
};

}  // namespace flashpods::jobs
