#include <csignal>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "cli/daemon_process.h"

namespace flashpods::cli {
namespace {

constexpr Milliseconds kPoll{20};
constexpr Milliseconds kStopLimit{60'000};
constexpr std::string_view kProgram = "flashpodsd";
constexpr std::size_t kLongestCommand = 64 * 1024;

#if defined(__linux__)
Fd open_process(pid_t pid) { return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}; }

int send_signal(const Fd& process, pid_t, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0));
}

bool has_ended(const Fd& process, pid_t) {
  pollfd entry{process.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}
#else
// flashpodsd itself runs on Linux only; this keeps the client whole elsewhere.
Fd open_process(pid_t) { return Fd{::dup(STDIN_FILENO)}; }
int send_signal(const Fd&, pid_t pid, int signal) { return ::kill(pid, signal); }
bool has_ended(const Fd&, pid_t pid) { return ::kill(pid, 0) != 0; }
#endif

struct ProcessFacts {
  uid_t owner = 0;
  std::string command;  ///< words ended by NUL; empty where the process is gone
};

ProcessFacts facts_of(pid_t pid) {
  const auto directory = "/proc/" + std::to_string(pid);
  struct stat entry{};
  if (::stat(directory.c_str(), &entry) != 0) return {};
  return {entry.st_uid, read_file(directory + "/cmdline", kLongestCommand).value_or("")};
}

std::string user_name(uid_t uid) {
  const auto* entry = ::getpwuid(uid);
  return entry ? entry->pw_name : std::to_string(uid);
}

std::unexpected<Error> somebody_elses(pid_t pid, uid_t owner) {
  const auto name = user_name(owner);
  return fail(ErrorKind::kForbidden, "not_your_server",
              "flashpodsd (process " + std::to_string(pid) + ") runs as the user " + name +
                  ": run `flashpods down` as " + name);
}

}  // namespace

bool is_daemon_command(std::string_view cmdline) {
  const auto program = cmdline.substr(0, cmdline.find('\0'));
  const auto slash = program.rfind('/');
  return program.substr(slash == std::string_view::npos ? 0 : slash + 1) == kProgram;
}

bool names_state(std::string_view cmdline, const std::string& state) {
  return cmdline.contains(std::string{"--state-dir"} + '\0' + state + '\0');
}

Awaitable<Result<void>> stop_daemon(Session& session, std::filesystem::path state,
                                    Endpoints endpoints) {
  // Opened first, checked second: what the checks saw is what the signal reaches.
  const auto process = open_process(endpoints.pid);
  const auto facts = facts_of(endpoints.pid);
  if (!process || !is_daemon_command(facts.command)) co_return Result<void>{};
  const auto answer = co_await answering(endpoints);
  if (!answer && !names_state(facts.command, state.string())) co_return Result<void>{};
  if (facts.owner != ::getuid()) co_return somebody_elses(endpoints.pid, facts.owner);
  if (send_signal(process, endpoints.pid, SIGTERM) != 0) {
    co_return std::unexpected(
        errno_error("cannot stop flashpodsd (process " + std::to_string(endpoints.pid) + ")"));
  }
  const auto start = session.clock.monotonic();
  while (!has_ended(process, endpoints.pid)) {
    if (session.clock.monotonic() - start > kStopLimit) {
      co_return fail(ErrorKind::kTimeout, "still_stopping",
                     "flashpodsd is still finishing replies after a minute; see " +
                         daemon_log(state).string());
    }
    co_await session.timer.sleep_for(kPoll);
  }
  co_return Result<void>{};
}

}  // namespace flashpods::cli
