#pragma once
// Running other programs: argv arrays, no shell, nothing inherited that was not named.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "async/awaitable.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

namespace flashpods {

/// What to run. The first element of `argv` is looked up in PATH unless it has a '/'. The child
/// starts in its own process group with default signal dispositions, an empty signal mask, and only
/// descriptors 0, 1, 2 and those of `inherit` open (close_range(2)).
struct Command {
  std::vector<std::string> argv;
  /// The whole environment of the child; nothing is inherited.
  std::map<std::string, std::string> env;
  std::string working_directory = "/";
  std::string input;  ///< given on stdin; /dev/null if empty
  /// Killed (SIGTERM to the group, SIGKILL 2 s later) when it takes longer.
  std::optional<Milliseconds> timeout;
  std::size_t max_output =
      1024 * 1024;  ///< bytes kept of stdout and of stderr each; the rest drains
};

struct CommandResult {
  std::optional<int> exit_code;  ///< nothing if a signal ended it
  int signal = 0;
  bool timed_out = false;
  std::string out;
  std::string err;
  [[nodiscard]] bool ok() const { return exit_code == 0; }
};

/// The seam for short helper commands; the fake in process/fake_command_runner.h answers from a
/// script.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  /// Runs to the end. kUnavailable "command_not_found" if the program does not exist. On
  /// cancellation the child's group is killed and reaped first.
  virtual Awaitable<Result<CommandResult>> run(Command command) = 0;
};

/// The real one: fork, exec, pidfd.
std::unique_ptr<CommandRunner> make_command_runner();

/// PATH, HOME, XDG_RUNTIME_DIR, LANG, TMPDIR, USER and DBUS_SESSION_BUS_ADDRESS of our own process:
/// what podman and rsync need, without our tokens.
[[nodiscard]] std::map<std::string, std::string> tool_environment();

}  // namespace flashpods
