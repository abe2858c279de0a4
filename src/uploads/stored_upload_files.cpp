#include "uploads/stored_upload_files.h"

#include "base/failpoint.h"
#include "base/files.h"
#include "uploads/flush_tree.h"
#include "uploads/move_directory.h"
#include "uploads/seal_tree.h"

namespace flashpods::uploads {

Usage measured_usage(std::vector<std::filesystem::path> directories) {
  return [directories = std::move(directories)]() -> Result<DiskUse> {
    DiskUse use;
    for (const auto& directory : directories) {
      const auto size = measure_upload(directory);
      if (!size) return std::unexpected(size.error());
      use.bytes += size->disk_bytes;
    }
    // Unknown (the directory is not there yet): nothing speaks against it.
    if (const auto free = free_space(directories.front())) use.free = *free;
    return use;
  };
}

StoredUploadFiles::StoredUploadFiles(Paths paths, Usage usage, BlockingPool& pool)
    : directories_(std::move(paths)),
      area_(directories_.paths().transfers),
      usage_(std::move(usage)),
      pool_(pool) {}

Awaitable<Result<void>> StoredUploadFiles::create() { co_return directories_.create(); }

Awaitable<Result<DiskUse>> StoredUploadFiles::usage() { co_return co_await pool_.run(usage_); }

Awaitable<Result<TreeContent>> StoredUploadFiles::reopen(std::string id) {
  auto work = [path = directories_.upload(id)] { return reopen_tree(path); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<void>> StoredUploadFiles::claim(std::string id, std::string connection) {
  auto work = [directories = directories_, id = std::move(id),
               module = area_.module(connection)]() -> Result<void> {
    auto claimed = directories.claim(id, module);
    FLASHPODS_FAILPOINT("upload.claimed");
    return claimed;
  };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<void>> StoredUploadFiles::give_back(std::string connection,
                                                     std::vector<std::string> ids) {
  auto work = [directories = directories_, area = area_, name = std::move(connection),
               ids = std::move(ids)]() -> Result<void> {
    for (const auto& id : ids) {
      if (auto given = directories.give_back(id, area.module(name)); !given) return given;
    }
    FLASHPODS_FAILPOINT("upload.given_back");
    return area.remove(name);
  };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<std::vector<FoundTransfer>>> StoredUploadFiles::transfers() {
  auto work = [area = area_] { return area.list(); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<TreeContent>> StoredUploadFiles::purge(std::string id) {
  auto work = [path = directories_.upload(id)]() -> Result<TreeContent> {
    if (!is_real_directory(path)) {
      return fail(ErrorKind::kNotFound, "no_files", "Nothing of this upload is there.");
    }
    return seal_tree(path);
  };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<void>> StoredUploadFiles::flush(std::string id) {
  auto work = [path = directories_.upload(id)] { return flush_tree(path); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<void>> StoredUploadFiles::seal(std::string id) {
  auto work = [directories = directories_, id = std::move(id)] { return directories.seal(id); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<void>> StoredUploadFiles::unseal(std::string id) {
  auto work = [directories = directories_, id = std::move(id)] { return directories.unseal(id); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<void>> StoredUploadFiles::remove(std::string id) {
  auto work = [directories = directories_, id = std::move(id)] { return directories.remove(id); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<std::vector<std::string>>> StoredUploadFiles::received() {
  co_return list_directory(directories_.paths().uploads);
}

Awaitable<Result<std::vector<std::string>>> StoredUploadFiles::sealed() {
  co_return list_directory(directories_.paths().sealed);
}

Awaitable<Result<TreeContent>> StoredUploadFiles::measure_transfer(std::string connection,
                                                                   std::string id) {
  auto work = [path = area_.module(connection) / id, receiving = area_.receiving(connection)] {
    // Before the rest: what moves there meanwhile is rather counted twice than not at all.
    const auto underway = measure_upload(receiving);
    auto upload = measure_upload(path);
    if (upload && underway) upload->disk_bytes += underway->disk_bytes;
    return upload;
  };
  co_return co_await pool_.run(std::move(work));
}

}  // namespace flashpods::uploads
