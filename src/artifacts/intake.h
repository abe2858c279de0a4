#pragma once

#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "artifacts/artifact.h"
#include "artifacts/measured_copy.h"
#include "artifacts/source_entry.h"

namespace flashpods::artifacts {

/// Takes entries of one open source directory into one open, empty destination, one after the
/// other, and keeps the account: quotas, rejections, the conflict.
///
/// A plain file comes over as a hard link to the very inode that was examined: atomic, no copy, and
/// the source stays whole until the job's directory goes. The bytes are hashed and flushed first.
/// A file that has other links (inside the source; a bind mount lets none out of it), and what a
/// symbolic link leads to, is copied, so that no two artifacts, and no artifact and anything the
/// container might still name, share an inode.
class Intake {
 public:
  Intake(int source, int destination, const Limits& limits, std::function<void()> before_step,
         std::stop_token stop)
      : source_(source),
        destination_(destination),
        limits_(limits),
        before_step_(std::move(before_step)),
        stop_(std::move(stop)) {}

  /// All entries, in order. `more` were found beyond those.
  void take_all(const Listing& listing);

  /// What was taken, or what the host lacked for it, its time included (is_shortage): then nothing
  /// may be rejected for good, and all is to be taken again later. The intake is used up.
  [[nodiscard]] Result<Collected> finish();

 private:
  void take(const std::string& name);
  void take_file(const std::string& name, const SourceEntry& file);
  void take_linked(const std::string& name, const SourceEntry& link);
  void take_directory(const std::string& name, const SourceEntry& directory);

  [[nodiscard]] Result<Measured> adopt(const std::string& name, const SourceEntry& file);
  [[nodiscard]] Result<Measured> copy(const std::string& name, int in);
  [[nodiscard]] Result<Measured> pack(const std::string& name, const SourceEntry& directory);
  [[nodiscard]] ArchiveSize archive_room() const;
  [[nodiscard]] Result<Fd> create(const std::string& name);
  [[nodiscard]] Result<Measured> settle(const std::string& name, const Fd& out,
                                        Result<Measured> written);

  [[nodiscard]] Result<void> check_quota(std::uint64_t size) const;
  [[nodiscard]] std::uint64_t room() const;
  void keep(const std::string& name, Result<Measured> measured);
  void refuse(const std::string& name, const Error& why);
  void reject(const std::string& name, std::string reason);

  int source_;
  int destination_;
  const Limits& limits_;
  std::function<void()> before_step_;
  std::stop_token stop_;
  std::set<std::string> names_;  ///< of the source
  std::uint64_t total_bytes_ = 0;
  ArchiveSize packed_;
  std::size_t surveyed_entries_ = 0;
  std::uint64_t unnamed_ = 0;  ///< rejections beyond those that are listed
  std::optional<Error> shortage_;
  Collected collected_;
};

}  // namespace flashpods::artifacts
