#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace flashpods::client {

/// A temporary file of mode 0600, removed with its owner.
class PrivateFile {
 public:
  PrivateFile() = default;
  explicit PrivateFile(std::string path) : path_(std::move(path)) {}
  PrivateFile(PrivateFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateFile& operator=(PrivateFile&& other) noexcept;
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;
  ~PrivateFile();

  [[nodiscard]] const std::string& path() const { return path_; }  ///< empty: there is none

 private:
  std::string path_;
};

/// Such a file with this content, in TMPDIR.
[[nodiscard]] Result<PrivateFile> write_private_file(std::string_view content);

}  // namespace flashpods::client
