#pragma once

#include <memory>
#include <string>

#include "daemon/config.h"

namespace flashpods::daemon {

/// Where our own programs are; found by main().
struct Programs {
  std::string daemon;  ///< flashpodsd itself: rsync runs it as its hook
  std::string shim;    ///< flashpods-shim
};

/// Serves until SIGTERM or SIGINT. Returns the process's exit code; what went wrong at start was
/// written to stderr for a person and to the log.
///
/// One io_context on one thread: the daemon waits far more than it works, and without locks every
/// rule can be read alone. What blocks (hashing, archives, trees) runs on a small pool, SQLite on
/// the store's writer thread.
[[nodiscard]] int serve(Config config, Programs programs);

}  // namespace flashpods::daemon
