#include "executors/shim/leftovers.h"

#include <cstdint>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "executors/shim/job_processes.h"
#include "executors/shim/proc_text.h"
#include "process/platform.h"

namespace flashpods::shim {

namespace {

enum class Keeper : std::uint8_t { kEnds, kStays };

/// The handle is opened before the process is examined, so that no other one is killed.
bool kill_if_of(pid_t pid, const std::string& job_id, Keeper keeper) {
  const auto handle = open_process_handle(pid);
  if (!handle || job_of_process(pid) != job_id) return false;
  if (keeper == Keeper::kStays && is_output_keeper(pid)) return false;
  ::syscall(SYS_pidfd_send_signal, handle->get(), SIGKILL, nullptr, 0);
  return true;
}

bool end_once(const std::string& job_id, Keeper keeper) {
  bool found = false;
  for (const auto pid : process_ids()) found = kill_if_of(pid, job_id, keeper) || found;
  return found;
}

void end_all(PollLoop& loop, const std::string& job_id, Keeper keeper) {
  for (int looks = 0; looks < kLeftoversLooks && end_once(job_id, keeper); ++looks) {
    loop.pause(kLeftoversPause);
  }
}

}  // namespace

bool end_leftovers_once(const std::string& job_id) { return end_once(job_id, Keeper::kEnds); }

void end_leftovers(PollLoop& loop, const std::string& job_id) {
  end_all(loop, job_id, Keeper::kEnds);
}

void end_writers(PollLoop& loop, const std::string& job_id) {
  end_all(loop, job_id, Keeper::kStays);
}

}  // namespace flashpods::shim
