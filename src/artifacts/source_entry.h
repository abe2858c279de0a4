#pragma once
// Looking at what a container left behind without being led astray: everything is held by
// descriptor first, then examined, then used, so that nothing can be swapped in between.

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods::artifacts {

/// An entry held with O_PATH: holding it neither blocks on a FIFO nor touches a device.
struct SourceEntry {
  Fd handle;
  struct stat info{};

  [[nodiscard]] bool is_file() const { return S_ISREG(info.st_mode); }
  [[nodiscard]] bool is_directory() const { return S_ISDIR(info.st_mode); }
  [[nodiscard]] bool is_link() const { return S_ISLNK(info.st_mode); }
  [[nodiscard]] std::uint64_t size() const { return static_cast<std::uint64_t>(info.st_size); }
  /// "is a FIFO", "is a device", …: why it cannot be an artifact.
  [[nodiscard]] std::string kind() const;
};

/// The entry itself; a symbolic link is held, not followed.
[[nodiscard]] Result<SourceEntry> hold(int directory, const std::string& name);

/// What `path` leads to, through symbolic links that stay inside `directory`.
[[nodiscard]] Result<SourceEntry> hold_followed(int directory, const std::string& path);

/// Target of a held symbolic link.
[[nodiscard]] Result<std::string> link_target(const SourceEntry& link);

/// Opens a held regular file for reading; one that chmod closed is opened up. Other mode bits stay,
/// so that a second look at the file sees what the first one saw.
[[nodiscard]] Result<Fd> open_file(const SourceEntry& file);

/// Opens a held directory; one that chmod closed is opened up.
[[nodiscard]] Result<Fd> open_listing(const SourceEntry& directory);

/// Whoever collects is to stop: nothing is rejected for it, and all is to be collected again
/// (is_shortage).
[[nodiscard]] std::unexpected<Error> interrupted();

struct Listing {
  std::vector<std::string> names;  ///< sorted, at most the limit
  std::uint64_t more = 0;          ///< entries beyond that
};

/// Names in a directory, without "." and "..", memory bounded by `limit` names.
[[nodiscard]] Result<Listing> list_bounded(int directory, std::size_t limit);

}  // namespace flashpods::artifacts
