#include "logs/log_files.h"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/files.h"
#include "logs/log_format.h"

namespace flashpods::logs {
namespace {

Result<void> remove_file(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) == 0 || errno == ENOENT) return {};
  return std::unexpected(errno_error("cannot remove " + file.string()));
}

std::uint64_t allocated(const std::filesystem::path& file) {
  constexpr std::uint64_t kBlockUnit = 512;  // of st_blocks, stat(2)
  struct stat info{};
  return ::lstat(file.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * kBlockUnit
                                           : 0;
}

}  // namespace

Result<void> remove_log(const std::filesystem::path& file) {
  if (auto removed = remove_file(file); !removed) return removed;
  return remove_file(index_path(file));
}

std::uint64_t log_disk_usage(const std::filesystem::path& file) {
  return allocated(file) + allocated(index_path(file));
}

Result<std::uint64_t> total_disk_usage(const std::filesystem::path& directory) {
  const auto size = measure_tree(directory);
  if (!size) return std::unexpected(size.error());
  return size->bytes;
}

std::vector<std::string> choose_logs_to_delete(std::vector<LogUsage> logs, std::uint64_t limit) {
  auto total =
      std::accumulate(logs.begin(), logs.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const LogUsage& log) { return sum + log.bytes; });
  std::erase_if(logs, [](const LogUsage& log) { return !log.completed_at; });
  std::ranges::sort(logs, {}, [](const LogUsage& log) {
    return std::pair{*log.completed_at, std::string_view{log.job}};
  });
  std::vector<std::string> chosen;
  for (auto& log : logs) {
    if (total <= limit) break;
    total -= log.bytes;
    chosen.push_back(std::move(log.job));
  }
  return chosen;
}

}  // namespace flashpods::logs
