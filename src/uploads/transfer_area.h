#pragma once
// The directory of running transfers. Each rsync process has a slot of its own:
//   transfers/NAME/lock         shared flock(2), held by the process; it lives as long as that does
//   transfers/NAME/pid          which process that is, for the next daemon
//   transfers/NAME/rsyncd.conf  its configuration
//   transfers/NAME/log          a FIFO, which it logs to
//   transfers/NAME/module/      its rsync module; the one upload it may write is moved in here
//   transfers/NAME/module/.receiving/  the file it receives just now
// So a transfer that outlives a killed daemon is found by its lock, and no one else can touch, seal
// or remove the upload meanwhile: it is not in its usual place. Everything here blocks.

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "uploads/upload_files.h"

namespace flashpods::uploads {

/// Where rsync makes each file before it puts it in its place, below the module. No upload's id.
inline constexpr const char* kReceiving = ".receiving";

/// The number of the lock's descriptor in the process.
inline constexpr int kLockDescriptor = 3;

struct TransferSlot {
  std::string name;
  std::filesystem::path directory;
  std::filesystem::path module;
  Fd lock;  ///< shared lock, to be inherited by the process
};

class TransferArea {
 public:
  explicit TransferArea(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// A new slot, its lock taken. `name` is ours and not in use.
  [[nodiscard]] Result<TransferSlot> open(const std::string& name) const;
  /// Notes whose slot it is.
  [[nodiscard]] Result<void> write_process(std::string_view name, pid_t process) const;
  [[nodiscard]] std::filesystem::path module(std::string_view name) const;
  [[nodiscard]] std::filesystem::path receiving(std::string_view name) const;
  [[nodiscard]] std::filesystem::path log(std::string_view name) const;
  /// True while some process holds the slot's lock.
  [[nodiscard]] bool is_live(std::string_view name) const;
  /// Removes a slot with everything that is still in it.
  [[nodiscard]] Result<void> remove(std::string_view name) const;
  [[nodiscard]] Result<std::vector<FoundTransfer>> list() const;

 private:
  [[nodiscard]] FoundTransfer look_at(const std::string& name) const;
  [[nodiscard]] pid_t process_of(std::string_view name) const;

  std::filesystem::path directory_;
};

}  // namespace flashpods::uploads
