// flashpods: the command line, and the MCP server for an agent's client.

#include <unistd.h>

#include "cli/program.h"

#if defined(FLASHPODS_WITH_MCP)
#include "mcp/serve.h"
#endif

int main(int argc, char** argv) {
  flashpods::cli::Hooks hooks;
#if defined(FLASHPODS_WITH_MCP)
  hooks.serve_mcp = [] { return flashpods::mcp::serve_mcp(STDIN_FILENO, STDOUT_FILENO); };
#endif
  return flashpods::cli::run_flashpods({argv + (argc > 0 ? 1 : 0), argv + argc}, hooks);
}
