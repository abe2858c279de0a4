#include "executors/shim/container_watch.h"

#include <cerrno>
#include <charconv>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "executors/podman/run_command.h"
#include "executors/shim/proc_text.h"
#include "process/platform.h"

namespace flashpods::shim {

namespace {

pid_t read_pid(const std::filesystem::path& file) {
  const auto text = read_file(file, 32);
  pid_t pid = -1;
  if (text) std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid;
}

/// conmon has the container's id among its arguments.
bool is_conmon_of(pid_t pid, const std::string& container_id) {
  return !container_id.empty() && proc_text(pid, "cmdline").contains(container_id);
}

/// The init is conmon's child; once conmon is gone (-1), the files that podman mounted tell. So is
/// the output's keeper, and what podman mounts is to be seen from other jobs' conmons as well: but
/// they are nobody's PID 1.
bool is_init_of(pid_t pid, pid_t conmon, const std::string& container_id) {
  if (!leads_a_namespace(pid)) return false;
  if (conmon > 0 && parent_of(pid) == conmon) return true;
  return !container_id.empty() && proc_text(pid, "mountinfo").contains(container_id);
}

/// linux/pidfd.h of Linux 6.15; older systems' headers lack it.
struct PidfdInfo {
  std::uint64_t mask = 0;
  std::uint64_t cgroup = 0;
  std::uint32_t ids[11] = {};
  std::int32_t exit_code = 0;
};
constexpr std::uint64_t kPidfdInfoExit = 1U << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);
static_assert(sizeof(PidfdInfo) == 64);

std::optional<int> exit_status_from_kernel(int pidfd) {
  PidfdInfo info;
  info.mask = kPidfdInfoExit;
  if (::ioctl(pidfd, kPidfdGetInfo, &info) != 0 || (info.mask & kPidfdInfoExit) == 0) return {};
  return info.exit_code;
}

/// The wait status of a process that has ended and that nobody has waited for yet: field 52 of
/// proc_pid_stat(5). `pidfd` refers to the process: its number is nobody else's as long as it can
/// be signalled.
std::optional<int> exit_status_of_zombie(pid_t pid, int pidfd) {
  const auto text = proc_text(pid, "stat");
  if (::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) != 0) return std::nullopt;
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos || !text.substr(name_end).starts_with(") Z ")) return {};
  const auto last = text.substr(text.rfind(' ') + 1);
  int status = 0;
  const auto read = std::from_chars(last.data(), last.data() + last.size(), status);
  return read.ec == std::errc{} ? std::optional(status) : std::nullopt;
}

}  // namespace

ContainerWatch::~ContainerWatch() {
  forget(conmon_);
  forget(init_);
}

void ContainerWatch::forget(Process& process) {
  if (process.handle) loop_.forget(process.handle.get());
  process = {};
}

/// A zombie has ended: its handle is readable at once.
void ContainerWatch::follow(Process& process, pid_t pid) {
  auto handle = open_process_handle(pid);
  if (!handle) return;
  process.pid = pid;
  process.handle = std::move(*handle);
  pollfd ended{process.handle.get(), POLLIN, 0};
  process.gone = ::poll(&ended, 1, 0) == 1;
  process.alive = process.was_alive = !process.gone;
  if (process.gone) return;
  loop_.watch(process.handle.get(), [this, &process] {
    process.alive = false;
    process.gone = true;
    loop_.forget(process.handle.get());
  });
}

void ContainerWatch::open(const std::filesystem::path& directory, const std::string& container_id) {
  const auto conmon = read_pid(directory / podman::kConmonPidFile);
  const auto init = read_pid(directory / podman::kContainerPidFile);
  created_ = init > 1;
  // Those of an earlier attempt must not stand in for the ones that are gone already.
  forget(conmon_);
  forget(init_);
  if (conmon > 1 && is_conmon_of(conmon, container_id)) follow(conmon_, conmon);
  const auto parent = conmon_.alive ? conmon : -1;  // else the number may be somebody else's by now
  if (init > 1 && is_init_of(init, parent, container_id)) {
    follow(init_, init);
  } else if (init > 1) {
    init_.gone = !proc_text(init, "status").empty() || (::kill(init, 0) != 0 && errno == ESRCH);
  }
}

// Every container of ours runs with --init: once the command may run, podman's init has taken the
// place of the OCI runtime's.
ContainerWatch::Progress ContainerWatch::progress() const {
  if (!created_) return Progress::kNotCreated;
  if (!init_.alive) return Progress::kUnknown;
  const bool runs = proc_text(init_.pid, "cmdline").contains("podman-init");
  return runs ? Progress::kRunning : Progress::kWaiting;
}

bool ContainerWatch::signal(int number) const {
  return init_.alive &&
         ::syscall(SYS_pidfd_send_signal, init_.handle.get(), number, nullptr, 0) == 0;
}

void ContainerWatch::signal_conmon(int number) const {
  if (!conmon_.alive) return;
  ::syscall(SYS_pidfd_send_signal, conmon_.handle.get(), number, nullptr, 0);
}

std::optional<int> ContainerWatch::init_status() {
  if (const auto status = children_.status(init_.pid)) return status;
  if (!init_.handle) return std::nullopt;
  if (const auto status = exit_status_from_kernel(init_.handle.get())) return status;
  return exit_status_of_zombie(init_.pid, init_.handle.get());
}

}  // namespace flashpods::shim
