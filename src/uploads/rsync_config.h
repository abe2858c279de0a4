#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace flashpods::uploads {

/// The name of the user that rsync clients log in as, where a secret is asked for.
inline constexpr const char* kRsyncUser = "flashpods";

/// What differs between two rsync processes of ours.
struct RsyncModule {
  std::filesystem::path directory;                    ///< the module's path
  std::filesystem::path log;                          ///< the FIFO it logs to
  std::vector<std::string> hook;                      ///< argv of the pre-xfer hook
  std::optional<std::filesystem::path> secrets_file;  ///< asks for a password if set
  bool as_root = false;                               ///< we are root, and rsync stays what we are
  int timeout_seconds = 300;                          ///< without a byte from the client
};

/// What rsync puts before the target of each symbolic link it stores (rsyncd.conf(5), "munge
/// symlinks"), so that no link leads anywhere while rsync writes; seal_tree() takes it off again.
/// Without it, rsync outside a chroot rewrites targets for good that leave the module.
inline constexpr std::string_view kMungedPrefix = "/rsyncd-munged/";

/// The text of rsyncd.conf(5) for one connection: module `uploads`, write only. kInvalid
/// "unusable_path" if a path or argument cannot be written there (newline, percent sign).
[[nodiscard]] Result<std::string> rsync_config(const RsyncModule& module);

}  // namespace flashpods::uploads
