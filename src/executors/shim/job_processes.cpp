#include "executors/shim/job_processes.h"

#include <filesystem>
#include <sstream>
#include <unistd.h>
#include <vector>

#include "base/random.h"
#include "executors/podman/run_command.h"
#include "executors/shim/job_files.h"
#include "executors/shim/output_keeper.h"
#include "executors/shim/proc_text.h"

namespace flashpods::shim {

namespace {

using Found = std::optional<std::string>;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Found as_job(std::string_view text) { return is_job_id(text) ? Found(text) : std::nullopt; }

/// JOB of a path that ends with JOB/`name`.
Found job_with_file(std::string_view path, std::string_view name) {
  if (!path.ends_with(name)) return std::nullopt;
  path.remove_suffix(name.size());
  if (!path.ends_with('/')) return std::nullopt;
  path.remove_suffix(1);
  return as_job(path.substr(path.rfind('/') + 1));
}

Found job_by_stderr(pid_t pid) {
  std::error_code gone;
  const auto link = "/proc/" + std::to_string(pid) + "/fd/2";
  return job_of_fifo(std::filesystem::read_symlink(link, gone).native());
}

}  // namespace

Found job_in_arguments(std::string_view arguments) {
  const auto words = split(arguments, '\0');
  if (auto job = job_with_file(words.front(), podman::kConmonStage)) return job;
  if (words.front() == kOutputKeeper && words.size() > 1) {
    return as_job(words[1].substr(words[1].rfind('/') + 1));
  }
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--name") return as_job(words[i + 1]);
  }
  return std::nullopt;
}

Found job_of_fifo(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return job_with_file(path, kStderrFifo);
}

// The fourth field is where in its filesystem a mount begins. Others name the job too: its overlay
// is in the namespace that all containers of this user come from.
Found job_in_mounts(const std::string& mountinfo) {
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    const auto fields = split(line, ' ');
    if (fields.size() < 4) continue;
    for (const auto part : split(fields[3], '/')) {
      if (auto job = as_job(part)) return job;
    }
  }
  return std::nullopt;
}

Found job_of_process(pid_t pid) {
  auto job = job_in_arguments(proc_text(pid, "cmdline"));
  // Arguments are public, and anybody may choose them: only our own processes count.
  if (job && user_of(pid) == ::geteuid()) return job;
  if ((job = job_by_stderr(pid))) return job;
  return leads_a_namespace(pid) ? job_in_mounts(proc_text(pid, "mountinfo")) : std::nullopt;
}

bool is_output_keeper(pid_t pid) {
  return split(proc_text(pid, "cmdline"), '\0').front() == kOutputKeeper;
}

std::set<std::string> jobs_with_processes() {
  std::set<std::string> jobs;
  for (const auto pid : process_ids()) {
    if (auto job = job_of_process(pid)) jobs.insert(std::move(*job));
  }
  return jobs;
}

}  // namespace flashpods::shim
