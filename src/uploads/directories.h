#pragma once
// Where the files of uploads are. All of these directories are siblings on one filesystem, so that
// each step of an upload's life is one rename, which either happened or did not:
//   uploads/ID   between transfers          transfers/CONNECTION/module/ID   while rsync writes
//   sealed/ID    finalized                  jobs/JOB/work                    taken by its job
// Everything here blocks and may be repeated.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace flashpods::uploads {

struct Paths {
  std::filesystem::path uploads;
  std::filesystem::path sealed;
  std::filesystem::path transfers;

  /// The usual places below a state directory.
  [[nodiscard]] static Paths below(const std::filesystem::path& state_directory);
};

class Directories {
 public:
  explicit Directories(Paths paths) : paths_(std::move(paths)) {}

  /// Creates them, 0700.
  [[nodiscard]] Result<void> create() const;

  [[nodiscard]] std::filesystem::path upload(std::string_view id) const;
  [[nodiscard]] std::filesystem::path sealed(std::string_view id) const;
  [[nodiscard]] const Paths& paths() const { return paths_; }

  /// uploads/ID → `module`/ID, for one transfer alone; an empty one if there is none yet.
  [[nodiscard]] Result<void> claim(std::string_view id, const std::filesystem::path& module) const;
  /// Back after the transfer. Nothing happens if it is not there (any more).
  [[nodiscard]] Result<void> give_back(std::string_view id,
                                       const std::filesystem::path& module) const;

  /// uploads/ID → sealed/ID.
  [[nodiscard]] Result<void> seal(std::string_view id) const;
  /// sealed/ID → uploads/ID.
  [[nodiscard]] Result<void> unseal(std::string_view id) const;
  /// sealed/ID → `destination`, finishing an interrupted seal() first.
  [[nodiscard]] Result<void> move_to_job(std::string_view id,
                                         const std::filesystem::path& destination) const;

  /// Removes whatever there is of an upload, except what a transfer holds.
  [[nodiscard]] Result<void> remove(std::string_view id) const;

 private:
  Paths paths_;
};

}  // namespace flashpods::uploads
