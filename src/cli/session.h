#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/timer.h"
#include "base/clock.h"
#include "base/random.h"
#include "cli/console.h"
#include "process/command_runner.h"

namespace flashpods::cli {

struct Hooks;

/// What one call of a verb works with. Made by run_flashpods, lives until the verb returns.
struct Session {
  Executor executor;
  Console& console;
  const Clock& clock;
  Timer& timer;
  Random& random;
  CommandRunner& commands;
  std::map<std::string, std::string> environment;  ///< of this process
  std::string executable;                          ///< path of this program
  bool json = false;                               ///< --json
  std::vector<std::string> tail;                   ///< what followed "--"
  int failure = 1;                                 ///< see VerbEntry
  const Hooks& hooks;

  /// Environment value, or nothing if unset or empty.
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const;
  /// Shows the error and gives the exit code for it.
  [[nodiscard]] int fail(const Error& error) const;
};

}  // namespace flashpods::cli
