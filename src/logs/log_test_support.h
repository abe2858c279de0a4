#pragma once
// What the tests of this folder share.

#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "logs/log_writer.h"

namespace flashpods::logs {

/// A directory of its own, gone with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "flashpods-logs-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "mkdtemp failed";
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline constexpr std::uint64_t kNoCap = 1ULL << 40;

[[nodiscard]] inline Time at_ms(std::int64_t ms) { return Time{Milliseconds{ms}}; }

/// A log in a directory of its own.
struct TestLog {
  TemporaryDirectory directory;
  std::filesystem::path file = directory.path() / "job.log";

  [[nodiscard]] LogWriter writer(std::uint64_t cap = kNoCap) const {
    return LogWriter::open(file, cap).value();
  }
};

}  // namespace flashpods::logs
