#pragma once
// What the tests of this folder share.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/temporary_directory.h"
#include "logs/log_writer.h"

namespace flashpods::logs {

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
