#include "executors/shim/proc_text.h"

#include <charconv>

#include "base/files.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kMostProcText = 4 * 1024 * 1024;

/// What stands behind `name` in /proc/PID/status, without the tab before it.
std::string status_field(pid_t pid, const std::string& name) {
  const auto start = '\n' + name + ":\t";
  const auto status = proc_text(pid, "status");
  const auto at = status.find(start);
  if (at == std::string::npos) return {};
  const auto value = at + start.size();
  return status.substr(value, status.find('\n', value) - value);
}

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
  const auto field = status_field(pid, "PPid");
  pid_t parent = -1;
  std::from_chars(field.data(), field.data() + field.size(), parent);
  return parent;
}

std::optional<uid_t> user_of(pid_t pid) {
  const auto field = status_field(pid, "Uid");
  uid_t user = 0;
  const auto read = std::from_chars(field.data(), field.data() + field.size(), user);
  return read.ec == std::errc{} ? std::optional(user) : std::nullopt;
}

// NSpid has its number in each namespace, ours first (proc(5)).
bool leads_a_namespace(pid_t pid) { return status_field(pid, "NSpid").ends_with("\t1"); }

}  // namespace flashpods::shim
