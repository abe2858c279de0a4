#include "executors/shim/leftovers.h"

#include <filesystem>
#include <functional>
#include <signal.h>
#include <sstream>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "executors/podman/run_command.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/job_files.h"
#include "executors/shim/proc_text.h"
#include "process/platform.h"

namespace flashpods::shim {

namespace {

bool is_conmon_of(pid_t pid, const std::string& job_id) {
  const auto words = proc_text(pid, "cmdline");
  return words.substr(0, words.find('\0')).ends_with('/' + job_id + '/' + podman::kConmonStage);
}

/// The handle is opened first, so that the one looked at is the one that is killed.
void kill_if(pid_t pid, const std::function<bool(pid_t)>& is_meant) {
  const auto handle = open_process_handle(pid);
  if (!handle || !is_meant(pid)) return;
  ::syscall(SYS_pidfd_send_signal, handle->get(), SIGKILL, nullptr, 0);
}

/// Children first: conmon's end would hand them to somebody else.
void end_conmon(pid_t conmon, const std::string& job_id, const std::vector<pid_t>& all) {
  const auto is_child = [conmon](pid_t pid) { return parent_of(pid) == conmon; };
  bool had_children = false;
  for (const auto pid : all) {
    if (!is_child(pid)) continue;
    had_children = true;
    kill_if(pid, is_child);
  }
  if (!had_children) kill_if(conmon, [&](pid_t pid) { return is_conmon_of(pid, job_id); });
}

/// An OCI runtime's init has it from its beginning, long before it mounts anything.
bool complains_to(pid_t pid, const std::string& job_id) {
  std::error_code gone;
  const auto target = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/fd/2", gone);
  return target.string().ends_with('/' + job_id + '/' + kStderrFifo);
}

/// A PID 1 that has this job's directories mounted, or its output, is its container's.
void end_inits(const std::string& job_id) {
  const auto is_its_init = [&](pid_t pid) {
    return leads_a_namespace(pid) &&
           (complains_to(pid, job_id) || has_mounted(proc_text(pid, "mountinfo"), job_id));
  };
  for (const auto pid : process_ids()) kill_if(pid, is_its_init);
}

}  // namespace

// The fourth field is where in its filesystem a mount begins (proc_pid_mountinfo(5)). Others name
// the job too: its overlay is in the namespace that all containers of this user come from.
bool has_mounted(const std::string& mountinfo, const std::string& job_id) {
  const auto place = '/' + job_id + '/';
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string root;
    for (int field = 0; field < 4; ++field) fields >> root;
    if (root.contains(place)) return true;
  }
  return false;
}

bool end_leftovers_once(const std::string& job_id) {
  bool found = false;
  const auto all = process_ids();
  for (const auto pid : all) {
    if (!is_conmon_of(pid, job_id)) continue;
    found = true;
    end_conmon(pid, job_id, all);
  }
  if (!found) end_inits(job_id);
  return found;
}

void end_leftovers(PollLoop& loop, const std::string& job_id) {
  for (int looks = 0; looks < kLeftoversLooks && end_leftovers_once(job_id); ++looks) {
    loop.pause(kLeftoversPause);
  }
}

}  // namespace flashpods::shim
