#include "executors/shim/leftovers.h"

#include <functional>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "executors/podman/run_command.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/proc_text.h"
#include "process/platform.h"

namespace flashpods::shim {

namespace {

constexpr Milliseconds kPatience{10'000};
constexpr Milliseconds kPause{10};

bool is_named(pid_t pid, const std::string& program) {
  const auto words = proc_text(pid, "cmdline");
  return words.substr(0, words.find('\0')) == program;
}

/// The handle is opened first, so that the one looked at is the one that is killed.
void kill_if(pid_t pid, const std::function<bool(pid_t)>& is_meant) {
  const auto handle = open_process_handle(pid);
  if (!handle || !is_meant(pid)) return;
  ::syscall(SYS_pidfd_send_signal, handle->get(), SIGKILL, nullptr, 0);
}

/// Children first: conmon's end would hand them to somebody else.
void end_conmon(pid_t conmon, const std::string& program, const std::vector<pid_t>& all) {
  const auto is_child = [conmon](pid_t pid) { return parent_of(pid) == conmon; };
  bool had_children = false;
  for (const auto pid : all) {
    if (!is_child(pid)) continue;
    had_children = true;
    kill_if(pid, is_child);
  }
  if (!had_children) kill_if(conmon, [&](pid_t pid) { return is_named(pid, program); });
}

}  // namespace

void end_leftovers(PollLoop& loop, const std::filesystem::path& directory) {
  const auto program = (directory / podman::kConmonStage).string();
  const auto until = since_boot() + kPatience;
  while (since_boot() < until) {
    bool found = false;
    const auto all = process_ids();
    for (const auto pid : all) {
      if (!is_named(pid, program)) continue;
      found = true;
      end_conmon(pid, program, all);
    }
    if (!found) return;
    loop.run_until([] { return false; }, since_boot() + kPause);
  }
}

}  // namespace flashpods::shim
