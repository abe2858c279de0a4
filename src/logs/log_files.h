#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace flashpods::logs {

/// Removes a log and its index; one that is already gone is fine.
[[nodiscard]] Result<void> remove_log(const std::filesystem::path& file);

/// Bytes that a log and its index take on disk; 0 if there is none.
[[nodiscard]] std::uint64_t log_disk_usage(const std::filesystem::path& file);

/// Bytes that all logs in a directory take on disk.
[[nodiscard]] Result<std::uint64_t> total_disk_usage(const std::filesystem::path& directory);

/// What a job's log takes, as the quota sees it.
struct LogUsage {
  std::string job;
  std::uint64_t bytes = 0;
  std::optional<Time> completed_at = std::nullopt;  ///< a job that is not over has none
};

/// The jobs whose logs must go so that all logs together fit in `limit` bytes: oldest completed
/// first (specification, "Log Cleanup"), never one of a job that is not over. Pure.
[[nodiscard]] std::vector<std::string> choose_logs_to_delete(std::vector<LogUsage> logs,
                                                             std::uint64_t limit);

}  // namespace flashpods::logs
