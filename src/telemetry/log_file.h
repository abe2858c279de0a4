#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods {

/// A log file that never grows beyond a limit. A line that would pass it makes the file FILE.1, in
/// place of an older one, and begins a new FILE: both together have at most twice the limit.
/// Standard output and standard error move along if they lead to the file, so that what the
/// process prints besides its log does not keep the old one. One thread at a time.
class LogFile {
 public:
  /// Opens it to append, or creates it with mode 0600. Refuses a symbolic link.
  [[nodiscard]] static Result<LogFile> open(std::filesystem::path path, std::uint64_t max_bytes);

  /// A line that cannot be written is lost: a full disk must not stop the service.
  void write(std::string_view line);

 private:
  LogFile(std::filesystem::path path, std::uint64_t max_bytes, Fd file)
      : path_(std::move(path)), max_bytes_(max_bytes), file_(std::move(file)) {}

  [[nodiscard]] std::uint64_t size() const;
  void rotate();

  std::filesystem::path path_;
  std::uint64_t max_bytes_;
  Fd file_;
};

}  // namespace flashpods
