#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "uploads/directories.h"
#include "uploads/transfer_area.h"
#include "uploads/upload_files.h"

namespace flashpods::uploads {

/// Measures what uploads take in all directories that count (uploads, sealed, transfers, jobs).
/// Called on a thread of the pool; may block.
using Usage = std::function<Result<DiskUse>()>;

/// A Usage that measures these directories; absent ones count nothing.
[[nodiscard]] Usage measured_usage(std::vector<std::filesystem::path> directories);

/// The real UploadFiles. What blocks runs in the pool.
class StoredUploadFiles final : public UploadFiles {
 public:
  StoredUploadFiles(Paths paths, Usage usage, BlockingPool& pool);

  Awaitable<Result<void>> create() override;
  Awaitable<Result<DiskUse>> usage() override;
  Awaitable<Result<TreeContent>> reopen(std::string id) override;
  Awaitable<Result<void>> claim(std::string id, std::string connection) override;
  Awaitable<Result<void>> give_back(std::string connection, std::vector<std::string> ids) override;
  Awaitable<Result<std::vector<FoundTransfer>>> transfers() override;
  Awaitable<Result<TreeContent>> purge(std::string id) override;
  Awaitable<Result<void>> flush(std::string id) override;
  Awaitable<Result<void>> seal(std::string id) override;
  Awaitable<Result<void>> unseal(std::string id) override;
  Awaitable<Result<void>> remove(std::string id) override;
  Awaitable<Result<std::vector<std::string>>> received() override;
  Awaitable<Result<std::vector<std::string>>> sealed() override;

  /// What a running transfer has written so far.
  Awaitable<Result<TreeContent>> measure_transfer(std::string connection, std::string id);

  [[nodiscard]] const TransferArea& area() const { return area_; }
  [[nodiscard]] const Directories& directories() const { return directories_; }
  /// For what else of a transfer blocks.
  [[nodiscard]] BlockingPool& pool() { return pool_; }

 private:
  Directories directories_;
  TransferArea area_;
  Usage usage_;
  BlockingPool& pool_;
};

}  // namespace flashpods::uploads
