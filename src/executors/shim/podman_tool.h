#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "executors/shim/children.h"
#include "executors/shim/poll_loop.h"

namespace flashpods::shim {

struct ToolResult {
  std::optional<int> exit_code;  ///< nothing if a signal ended it or it could not be run
  int signal = 0;                ///< the signal that ended it; 0 if none did
  bool cut_short = false;        ///< we ended it
  std::string out;               ///< the first MiB of it, as of `err`
  std::string err;
  /// Podman ends with 0 when it is told to end, whatever it had got to.
  [[nodiscard]] bool ok() const { return exit_code == 0 && !cut_short; }
};

/// When to end a tool before it ends by itself.
struct ToolLimits {
  std::optional<Milliseconds> until;  ///< since boot
  std::function<bool()> give_up = [] { return false; };
  /// Gets the process group before the tool runs, so that the next shim can wait for its end.
  std::filesystem::path pid_file = {};
  /// For large temporary files; empty: where the tool likes. One that is cut short leaves them.
  std::filesystem::path temporary = {};
  /// A directory that stands before all others in the tool's PATH; empty: none.
  std::filesystem::path first_in_path = {};
};

/// Runs podman while the loop goes on turning, until it and all that it has at work are over. A
/// tool does not outlive the shim: the kernel kills it with its parent (PR_SET_PDEATHSIG).
class PodmanTool {
 public:
  PodmanTool(PollLoop& loop, Children& children);

  [[nodiscard]] ToolResult run(const std::vector<std::string>& argv, const ToolLimits& limits);

 private:
  [[nodiscard]] std::map<std::string, std::string> environment_for(const ToolLimits& limits) const;
  void await_end(pid_t pid, int pidfd, const ToolLimits& limits, ToolResult& result);
  void end_rest(pid_t group);
  bool is_there(pid_t group);

  PollLoop& loop_;
  Children& children_;
  std::map<std::string, std::string> env_;
};

/// Waits until the process group that a pid file names is gone, at most `patience`.
void await_group(PollLoop& loop, const std::filesystem::path& pid_file, Milliseconds patience);

}  // namespace flashpods::shim
