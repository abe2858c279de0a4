#pragma once

#include <functional>
#include <string>
#include <vector>

namespace flashpods::cli {

/// What this folder may not know, given by the program that links it.
struct Hooks {
  /// Serves MCP on stdin and stdout until its end; returns the exit code.
  std::function<int()> serve_mcp;
};

/// The whole command-line program: `arguments` without the program's own name. Does nothing before
/// it knows the verb. Returns the exit code.
[[nodiscard]] int run_flashpods(std::vector<std::string> arguments, const Hooks& hooks);

}  // namespace flashpods::cli
