#pragma once
// A file that appears under its name only when it is whole, in a directory reached without
// following a link.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods::client {

/// A file being written. What was written stays on disk (hidden, mode 0600) if it is dropped, and
/// is found again by the same path and tag.
class PartialFile {
 public:
  /// `path` is absolute and resolved; missing directories are made. `tag` tells one content from
  /// another (a digest). kConflict "file_exists" if the path is taken, unless `overwrite`.
  [[nodiscard]] static Result<PartialFile> open(const std::filesystem::path& path,
                                                std::string_view tag, bool overwrite);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] Result<void> append(std::string_view bytes);
  [[nodiscard]] Result<void> clear();
  /// SHA-256 of what is on disk. Blocking.
  [[nodiscard]] Result<std::string> digest() const;
  /// Gives the file its name and its mode (0644 less umask).
  [[nodiscard]] Result<void> publish();

 private:
  PartialFile(Fd directory, Fd file, std::filesystem::path path, std::string part, bool overwrite);
  [[nodiscard]] Result<void> link_new() const;

  Fd directory_;
  Fd file_;
  std::filesystem::path path_;
  std::string part_;  ///< the hidden name
  bool overwrite_ = false;
  std::uint64_t size_ = 0;
};

}  // namespace flashpods::client
