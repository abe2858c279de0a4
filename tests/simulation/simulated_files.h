#pragma once
// The two file seams of the domain over the simulated disk.

#include <functional>

#include "jobs/job_files.h"
#include "simulation/disk.h"
#include "simulation/faults.h"
#include "simulation/scheduler.h"
#include "uploads/upload_files.h"

namespace flashpods::simulation {

/// What both are made of.
struct DiskAccess {
  Scheduler& scheduler;
  Disk& disk;
  const Faults& faults;
  Bug bug;

  /// One file operation: it may fail, and the daemon may be killed before it, between what it does
  /// and its sync, and before its caller hears of it.
  Awaitable<Result<void>> change(std::string_view what, std::function<void(DiskState&)> apply);
};

class SimulatedJobFiles final : public jobs::JobFiles {
 public:
  explicit SimulatedJobFiles(DiskAccess access) : with_(access) {}

  [[nodiscard]] std::filesystem::path directory(const std::string& job_id) const override;
  [[nodiscard]] std::filesystem::path log_file(const std::string& job_id) const override;
  Awaitable<Result<void>> prepare(std::string job_id,
                                  std::optional<std::string> upload_id) override;
  Awaitable<Result<jobs::Collected>> collect(std::string job_id) override;
  Awaitable<std::string> log_tail(std::string job_id, std::size_t bytes) override;
  [[nodiscard]] std::optional<std::uint64_t> free_bytes() const override { return std::nullopt; }
  Awaitable<Result<void>> remove_workspace(std::string job_id) override;
  Awaitable<Result<void>> remove_log(std::string job_id) override;
  Awaitable<Result<void>> remove_artifacts(std::string job_id) override;
  Awaitable<jobs::JobsOnDisk> on_disk() override;

 private:
  DiskAccess with_;
};

class SimulatedUploadFiles final : public uploads::UploadFiles {
 public:
  explicit SimulatedUploadFiles(DiskAccess access) : with_(access) {}

  Awaitable<Result<void>> create() override;
  Awaitable<Result<uploads::DiskUse>> usage() override;
  Awaitable<Result<uploads::TreeContent>> reopen(std::string id) override;
  Awaitable<Result<void>> claim(std::string id, std::string connection) override;
  Awaitable<Result<void>> give_back(std::string connection, std::vector<std::string> ids) override;
  Awaitable<Result<std::vector<uploads::FoundTransfer>>> transfers() override;
  Awaitable<Result<uploads::TreeContent>> purge(std::string id) override;
  Awaitable<Result<void>> flush(std::string id) override;
  Awaitable<Result<void>> seal(std::string id) override;
  Awaitable<Result<void>> unseal(std::string id) override;
  Awaitable<Result<void>> remove(std::string id) override;
  Awaitable<Result<std::vector<std::string>>> received() override;
  Awaitable<Result<std::vector<std::string>>> sealed() override;

 private:
  DiskAccess with_;
};

}  // namespace flashpods::simulation
