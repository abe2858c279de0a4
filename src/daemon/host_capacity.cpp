#include "daemon/host_capacity.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sched.h>
#include <sstream>
#include <string>
#include <sys/sysinfo.h>
#include <vector>

#include "base/files.h"

namespace flashpods::daemon {

namespace {

constexpr std::int64_t kGigabyte = 1024LL * 1024 * 1024;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

std::string content(const std::filesystem::path& file) {
  return read_file(file, 64 * 1024).value_or("");
}

/// The directory of our cgroup for one line of /proc/self/cgroup ("4:memory:/path", "0::/path").
struct Membership {
  std::string controllers;  ///< empty on v2
  std::string path;
};

std::vector<Membership> memberships(const std::filesystem::path& root) {
  std::vector<Membership> all;
  std::istringstream lines(content(root / "proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    all.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return all;
}

/// The smallest value that `read` finds in a cgroup directory and those above it.
template <class Read>
std::optional<std::int64_t> smallest(const std::filesystem::path& root, const std::string& path,
                                     Read read) {
  std::optional<std::int64_t> least;
  std::filesystem::path relative = std::filesystem::path(path).relative_path();
  for (;;) {
    const auto value = read(root / relative);
    if (value && (!least || *value < *least)) least = value;
    if (relative.empty() || relative == ".") return least;
    relative = relative.parent_path();
  }
}

std::optional<std::int64_t> cpus_v2(const std::filesystem::path& directory) {
  const std::string text = content(directory / "cpu.max");
  const auto space = text.find(' ');
  const auto quota = number(text);
  if (space == std::string::npos || !quota) return std::nullopt;  // "max 100000"
  const auto period = number(std::string_view{text}.substr(space + 1));
  return period && *period > 0 ? std::optional{*quota / *period} : std::nullopt;
}

std::optional<std::int64_t> cpus_v1(const std::filesystem::path& directory) {
  const auto quota = number(content(directory / "cpu.cfs_quota_us"));
  const auto period = number(content(directory / "cpu.cfs_period_us"));
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

auto value_of(const char* file) {
  return
      [file](const std::filesystem::path& directory) { return number(content(directory / file)); };
}

bool has(const Membership& membership, std::string_view controller) {
  const std::string all = "," + membership.controllers + ",";
  return all.find("," + std::string{controller} + ",") != std::string::npos;
}

struct CgroupLimits {
  std::optional<std::int64_t> cpus;
  std::optional<std::int64_t> memory;
};

/// On a hybrid host a process is in groups of v1 and of v2 at once: each may limit it.
void lower(std::optional<std::int64_t>& limit, std::optional<std::int64_t> found) {
  if (found && (!limit || *found < *limit)) limit = found;
}

CgroupLimits cgroup_limits(const std::filesystem::path& root) {
  CgroupLimits limits;
  const auto groups = root / "sys/fs/cgroup";
  for (const Membership& m : memberships(root)) {
    if (m.controllers.empty()) {
      lower(limits.cpus, smallest(groups, m.path, cpus_v2));
      lower(limits.memory, smallest(groups, m.path, value_of("memory.max")));
    }
    if (has(m, "cpu")) lower(limits.cpus, smallest(groups / "cpu", m.path, cpus_v1));
    if (has(m, "memory")) {
      lower(limits.memory, smallest(groups / "memory", m.path, value_of("memory.limit_in_bytes")));
    }
  }
  return limits;
}

std::int64_t affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::int64_t memory_bytes() {
  struct sysinfo info{};
  if (::sysinfo(&info) != 0) return kGigabyte;
  return static_cast<std::int64_t>(info.totalram) * info.mem_unit;
}

}  // namespace

jobs::Resources host_capacity(const std::filesystem::path& root) {
  const CgroupLimits limits = cgroup_limits(root);
  const std::int64_t cpus = std::min(affinity_cpus(), limits.cpus.value_or(INT64_MAX));
  const std::int64_t memory = std::min(memory_bytes(), limits.memory.value_or(INT64_MAX));
  return {std::max<std::int64_t>(cpus, 1), std::max<std::int64_t>(memory / kGigabyte, 1)};
}

}  // namespace flashpods::daemon
