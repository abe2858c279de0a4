#include "executors/shim/proc_text.h"

#include <charconv>
#include <string_view>

#include "base/files.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kMostProcText = 4 * 1024 * 1024;

}  // namespace

std::string proc_text(pid_t pid, const char* name) {
  return read_file("/proc/" + std::to_string(pid) + '/' + name, kMostProcText).value_or("");
}

std::vector<pid_t> process_ids() {
  std::vector<pid_t> ids;
  const auto entries = list_directory("/proc");
  if (!entries) return ids;
  for (const auto& name : *entries) {
    pid_t pid = 0;
    const auto* const end = name.data() + name.size();
    if (std::from_chars(name.data(), end, pid).ptr == end) ids.push_back(pid);
  }
  return ids;
}

pid_t parent_of(pid_t pid) {
  constexpr std::string_view kField = "\nPPid:\t";
  const auto status = proc_text(pid, "status");
  const auto at = status.find(kField);
  pid_t parent = -1;
  if (at == std::string::npos) return parent;
  std::from_chars(status.data() + at + kField.size(), status.data() + status.size(), parent);
  return parent;
}

}  // namespace flashpods::shim
