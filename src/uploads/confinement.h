#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods::uploads {

/// A Landlock ruleset (landlock(7)) that leaves a process able to write beneath one directory, to
/// one file and to /dev/null, and nowhere else; device nodes cannot be made even there. Prepared
/// before fork, put on between fork and exec.
class WriteConfinement {
 public:
  /// True if this kernel enforces Landlock.
  [[nodiscard]] static bool available();

  /// For a directory and a file that exist. kUnavailable "no_landlock" where the kernel has none.
  [[nodiscard]] static Result<WriteConfinement> to(const std::filesystem::path& directory,
                                                   const std::filesystem::path& file);

  /// Confines the calling process for good, and whatever it becomes or starts. Async-signal-safe.
  /// 0 or errno.
  [[nodiscard]] int put_on() const;

 private:
  explicit WriteConfinement(Fd ruleset) : ruleset_(std::move(ruleset)) {}

  Fd ruleset_;
};

}  // namespace flashpods::uploads
