#include "executors/shim/podman_tool.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/files.h"
#include "executors/shim/boot_time.h"
#include "process/child.h"
#include "process/command_runner.h"
#include "process/platform.h"

namespace flashpods::shim {

namespace {

constexpr Milliseconds kGrace{2000};
/// For what a killed podman leaves at work: it ends at its next safe point.
constexpr Milliseconds kRestPatience{10'000};
constexpr Milliseconds kLookPause{20};
constexpr std::size_t kMostOutput = 1024 * 1024;

/// A pipe whose reading end collects into a text whenever the loop turns.
class Collected {
 public:
  Collected(PollLoop& loop, std::string& text) : loop_(loop), text_(text) {
    if (auto pipe = open_pipe()) {
      read_ = std::move((*pipe)[0]);
      write_ = std::move((*pipe)[1]);
      ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
    }
  }
  ~Collected() { loop_.forget(read_.get()); }
  Collected(const Collected&) = delete;
  Collected& operator=(const Collected&) = delete;

  [[nodiscard]] int write_end() const { return write_.get(); }
  void begin() {
    write_.reset();
    loop_.watch(read_.get(), [this] { take(); });
  }
  void take() {
    std::array<char, 16384> piece;
    ssize_t size = 0;
    while ((size = ::read(read_.get(), piece.data(), piece.size())) > 0) {
      const auto room = kMostOutput - std::min(kMostOutput, text_.size());
      text_.append(piece.data(), std::min(static_cast<std::size_t>(size), room));
    }
    if (size == 0) loop_.forget(read_.get());
  }

 private:
  PollLoop& loop_;
  std::string& text_;
  Fd read_;
  Fd write_;
};

/// Async-signal-safe: the decimal digits of our pid into a descriptor.
void write_own_pid(int fd) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), ::getpid()).ptr;
  [[maybe_unused]] const auto done =
      ::write(fd, digits.data(), static_cast<std::size_t>(end - digits.data()));
}

std::map<std::string, std::string> podman_environment() {
  auto env = tool_environment();
  env["TZ"] = "UTC";          // times in records
  env["LC_ALL"] = "C.UTF-8";  // words we look for
  return env;
}

}  // namespace

PodmanTool::PodmanTool(PollLoop& loop, Children& children)
    : loop_(loop), children_(children), env_(podman_environment()) {}

void PodmanTool::await_end(pid_t pid, int pidfd, const ToolLimits& limits, ToolResult& result) {
  bool ended = false;
  loop_.watch(pidfd, [&ended] { ended = true; });
  loop_.run_until([&] { return ended || limits.give_up(); }, limits.until);
  if (!ended) {
    result.cut_short = true;
    ::kill(-pid, SIGTERM);
    if (!loop_.run_until([&] { return ended; }, since_boot() + kGrace)) ::kill(-pid, SIGKILL);
    loop_.run_until([&] { return ended; });
  }
  loop_.forget(pidfd);
}

ToolResult PodmanTool::run(const std::vector<std::string>& argv, const ToolLimits& limits) {
  ToolResult result;
  Collected out(loop_, result.out);
  Collected err(loop_, result.err);
  Fd pid_file;
  if (!limits.pid_file.empty()) {
    pid_file.reset(::open(limits.pid_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  }
  ChildOptions options;
  options.argv = argv;
  options.env = environment_for(limits);
  options.descriptors = {{out.write_end(), 1}, {err.write_end(), 2}};
  options.before_exec = [fd = pid_file.get(), shim = ::getpid()] {
    if (fd >= 0) write_own_pid(fd);
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    return ::getppid() == shim ? 0 : ESRCH;  // it died before the kernel knew what to do then
  };
  const auto child = start_child(options);
  if (!child) {
    result.err = child.error().message;
    return result;
  }
  out.begin();
  err.begin();
  await_end(child->pid, child->pidfd.get(), limits, result);
  out.take();
  err.take();
  if (const auto status = children_.status(child->pid)) {
    if (WIFEXITED(*status)) result.exit_code = WEXITSTATUS(*status);
    if (WIFSIGNALED(*status)) result.signal = WTERMSIG(*status);
  }
  if (result.cut_short || !result.exit_code) end_rest(child->pid);
  return result;
}

/// Without XDG_RUNTIME_DIR podman may keep its sockets and locks below TMPDIR: then it stays.
std::map<std::string, std::string> PodmanTool::environment_for(const ToolLimits& limits) const {
  auto env = env_;
  if (!limits.temporary.empty() && env.contains("XDG_RUNTIME_DIR")) {
    env["TMPDIR"] = limits.temporary;
  }
  if (!limits.first_in_path.empty()) {
    env["PATH"] = limits.first_in_path.string() + ':' + env["PATH"];
  }
  return env;
}

/// Rootless, podman works in a child of the one that we started. Whoever looks for what it left
/// must not come before its end.
void PodmanTool::end_rest(pid_t group) {
  const auto begun = since_boot();
  while (is_there(group) && since_boot() < begun + 2 * kRestPatience) {
    if (since_boot() >= begun + kRestPatience) ::kill(-group, SIGKILL);
    loop_.pause(kLookPause);
  }
}

/// Those of the group that became our children are not there any more once they are reaped.
bool PodmanTool::is_there(pid_t group) {
  children_.reap();
  return ::kill(-group, 0) == 0;
}

void await_group(PollLoop& loop, const std::filesystem::path& pid_file, Milliseconds patience) {
  const auto text = read_file(pid_file, 32);
  if (!text) return;
  pid_t group = 0;
  std::from_chars(text->data(), text->data() + text->size(), group);
  if (group <= 1) return;
  for (const auto until = since_boot() + patience; since_boot() < until; loop.pause(kLookPause)) {
    if (::kill(-group, 0) != 0) return;
  }
}

}  // namespace flashpods::shim
