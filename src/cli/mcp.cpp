// flashpods mcp: the MCP server on stdin and stdout, for an agent's client to start.

#include "cli/program.h"
#include "cli/session.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Speaks MCP on stdin and stdout; nothing else is ever written to stdout. It uses the same settings
as the other verbs. An MCP client starts it, for example:
  claude mcp add flashpods -- flashpods mcp
)";

class Mcp final : public Verb {
 public:
  std::vector<Parameter> parameters() override { return {}; }

  Awaitable<int> execute(Session& session) override {
    if (session.hooks.serve_mcp) co_return session.hooks.serve_mcp();
    co_return session.fail(
        {ErrorKind::kUnavailable, "not_built", "this flashpods was built without its MCP server"});
  }
};

}  // namespace

extern const VerbEntry kMcpVerb;
constinit const VerbEntry kMcpVerb{.name = "mcp",
                                   .group = "More",
                                   .summary = "serve MCP tools to an AI agent on stdin and stdout",
                                   .details = kDetails,
                                   .make = make_verb<Mcp>};

}  // namespace flashpods::cli
