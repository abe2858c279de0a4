#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "base/random.h"
#include "daemon/config.h"

namespace flashpods::daemon {

/// The directories of an instance, and the lock that lets only one daemon use them. The lock is
/// held as long as this lives, and dies with the process.
class StateDirectory {
 public:
  /// Makes what is missing (0700) and takes the lock. kConflict "state_directory_in_use" if another
  /// daemon has it.
  [[nodiscard]] static Result<StateDirectory> open(const Config& config);

  /// A secret of this instance: read from `file`, which only its owner may read, or made (256
  /// random bits, hex) and kept there.
  [[nodiscard]] static Result<std::string> secret(const std::filesystem::path& file,
                                                  Random& random);

  /// Tells where this instance listens: run/endpoints.json, replaced at each start.
  [[nodiscard]] static Result<void> publish(const std::filesystem::path& run_directory,
                                            const std::string& json);

 private:
  explicit StateDirectory(Fd lock) : lock_(std::move(lock)) {}

  Fd lock_;
};

}  // namespace flashpods::daemon
