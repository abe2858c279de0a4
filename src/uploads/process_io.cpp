#include "uploads/process_io.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <vector>

#include <fmt/format.h>

#include "base/files.h"

namespace flashpods::uploads {

namespace {

constexpr std::size_t kMaxProcFile = 64 * 1024;

std::uint64_t number_at(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The value of one line of proc_pid_io(5).
std::uint64_t counted(pid_t process, std::string_view name) {
  const auto text = read_file(fmt::format("/proc/{}/io", process), kMaxProcFile).value_or("");
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : number_at(std::string_view(text).substr(at + name.size()));
}

std::vector<pid_t> children_of(pid_t process) {
  const auto text =
      read_file(fmt::format("/proc/{0}/task/{0}/children", process), kMaxProcFile).value_or("");
  std::vector<pid_t> children;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    const auto child = static_cast<pid_t>(number_at(std::string_view(text).substr(at, end - at)));
    if (child > 0) children.push_back(child);
    at = end + 1;
  }
  return children;
}

std::vector<pid_t> with_descendants(pid_t process) {
  std::vector<pid_t> all{process};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const pid_t child : children_of(all[i])) all.push_back(child);
  }
  return all;
}

std::uint64_t sum_of(pid_t process, std::string_view name) {
  std::uint64_t sum = 0;
  for (const pid_t each : with_descendants(process)) sum += counted(each, name);
  return sum;
}

template <class Resource>
void set_limit(pid_t process, Resource resource, rlim_t value) {
  const rlimit limit{value, value};
  for (const pid_t each : with_descendants(process)) ::prlimit(each, resource, &limit, nullptr);
}

}  // namespace

std::uint64_t bytes_written_by(pid_t process) { return sum_of(process, "wchar: "); }

std::uint64_t bytes_read_by(pid_t process) { return sum_of(process, "rchar: "); }

bool is_stopped(pid_t process) {
  return std::ranges::any_of(with_descendants(process), [](pid_t each) {
    const auto text = read_file(fmt::format("/proc/{}/stat", each), kMaxProcFile).value_or("");
    return text.contains(") T ");  // proc_pid_stat(5); a name may contain it too, and no harm done
  });
}

void limit_file_size(pid_t process, std::uint64_t bytes) {
  set_limit(process, RLIMIT_FSIZE, bytes);
}

void yield_to_others(pid_t process) {
  constexpr int kNicest = 19;
  for (const pid_t each : with_descendants(process)) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(each), kNicest);
  }
}

}  // namespace flashpods::uploads
