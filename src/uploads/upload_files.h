#pragma once
// What uploads have on disk, as their life sees it. The simulator has its own.

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "async/awaitable.h"
#include "base/error.h"

namespace flashpods::uploads {

/// How full the disk is that all uploads share.
struct DiskUse {
  std::uint64_t bytes = 0;          ///< of all uploads, those of jobs that are not over included
  std::uint64_t free = UINT64_MAX;  ///< on their filesystem
};

/// What an upload's tree holds.
struct TreeContent {
  std::uint64_t disk_bytes = 0;  ///< allocated and 4 KiB, for each inode once: what quotas count
  std::uint64_t size_bytes = 0;  ///< sum of the regular files' sizes: what replies say
  std::uint64_t files = 0;       ///< everything but directories
  std::uint64_t entries = 0;     ///< files and directories: what max_files counts
  std::size_t longest_path = 0;  ///< bytes, relative to the tree
};

/// A connection's slot found on disk.
struct FoundTransfer {
  std::string name;
  bool live = false;             ///< some process still holds it
  pid_t process = 0;             ///< the rsync that does, if it is known for certain
  std::vector<std::string> ids;  ///< uploads in its module directory
};

/// An upload is in one of three places: received (between transfers), with a transfer (while rsync
/// writes), or sealed (finalized). Each step is one rename, which either happened or did not; all
/// may be repeated after a crash, and what a successful one did is durable.
class UploadFiles {
 public:
  virtual ~UploadFiles() = default;

  /// Makes the places themselves.
  virtual Awaitable<Result<void>> create() = 0;

  virtual Awaitable<Result<DiskUse>> usage() = 0;

  /// Takes back what purge() did for a job, as far as it would let rsync out of the upload: a row
  /// that did not become final leaves it behind. To be called before claim(). Returns what the
  /// upload holds; an absent one is empty.
  virtual Awaitable<Result<TreeContent>> reopen(std::string id) = 0;

  /// Received → the transfer of `connection`, an empty one if there is none yet.
  virtual Awaitable<Result<void>> claim(std::string id, std::string connection) = 0;

  /// These of the transfer → received; whatever else it has is removed with its slot.
  virtual Awaitable<Result<void>> give_back(std::string connection,
                                            std::vector<std::string> ids) = 0;

  /// Every slot, those of living processes included.
  virtual Awaitable<Result<std::vector<FoundTransfer>>> transfers() = 0;

  /// Makes a received upload what a job may see, and measures it. kNotFound if there is none.
  virtual Awaitable<Result<TreeContent>> purge(std::string id) = 0;

  /// Puts what purge() left on the disk, so that a row may say it is there: what rsync wrote is in
  /// the page cache for as long as the kernel likes.
  virtual Awaitable<Result<void>> flush(std::string id) = 0;

  /// Received → sealed, and back.
  virtual Awaitable<Result<void>> seal(std::string id) = 0;
  virtual Awaitable<Result<void>> unseal(std::string id) = 0;

  /// Removes whatever there is of an upload, except what a transfer has.
  virtual Awaitable<Result<void>> remove(std::string id) = 0;

  /// Ids (or whatever else lies there) of the two places.
  virtual Awaitable<Result<std::vector<std::string>>> received() = 0;
  virtual Awaitable<Result<std::vector<std::string>>> sealed() = 0;
};

}  // namespace flashpods::uploads
