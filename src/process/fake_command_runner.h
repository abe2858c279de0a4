#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "process/command_runner.h"

namespace flashpods {

/// Answers from a script and remembers what was asked. A command is matched by how its words,
/// joined by spaces, begin; the rule added last is asked first; a command without a rule ends with
/// exit code 127.
class FakeCommandRunner final : public CommandRunner {
 public:
  using Answer = std::function<Result<CommandResult>(const Command&)>;

  void when(std::string beginning, Answer answer) {
    rules_.emplace_back(std::move(beginning), std::move(answer));
  }
  void when(std::string beginning, int exit_code, std::string out = {}, std::string err = {}) {
    const CommandResult result{exit_code, 0, false, std::move(out), std::move(err)};
    when(std::move(beginning), [result](const Command&) { return result; });
  }

  Awaitable<Result<CommandResult>> run(Command command) override {
    commands.push_back(command);
    const auto words = joined(command);
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
      if (words.starts_with(rule->first)) co_return rule->second(command);
    }
    co_return CommandResult{127, 0, false, {}, "no answer for: " + words};
  }

  /// "podman ps -a": the argv of a command as one line.
  [[nodiscard]] static std::string joined(const Command& command) {
    std::string line;
    for (const auto& word : command.argv) line += (line.empty() ? "" : " ") + word;
    return line;
  }

  std::vector<Command> commands;  ///< everything asked so far

 private:
  std::vector<std::pair<std::string, Answer>> rules_;
};

}  // namespace flashpods
