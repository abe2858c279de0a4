#include "executors/shim/leftovers.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "executors/shim/job_processes.h"
#include "executors/shim/proc_text.h"
#include "process/platform.h"

namespace flashpods::shim {

namespace {

/// The handle is opened before the process is examined, so that no other one is killed.
bool kill_if_of(pid_t pid, const std::string& job_id) {
  const auto handle = open_process_handle(pid);
  if (!handle || job_of_process(pid) != job_id) return false;
  ::syscall(SYS_pidfd_send_signal, handle->get(), SIGKILL, nullptr, 0);
  return true;
}

}  // namespace

bool end_leftovers_once(const std::string& job_id) {
  bool found = false;
  for (const auto pid : process_ids()) found = kill_if_of(pid, job_id) || found;
  return found;
}

void end_leftovers(PollLoop& loop, const std::string& job_id) {
  for (int looks = 0; looks < kLeftoversLooks && end_leftovers_once(job_id); ++looks) {
    loop.pause(kLeftoversPause);
  }
}

}  // namespace flashpods::shim
