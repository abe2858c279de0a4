#pragma once

#include <memory>

#include "async/awaitable.h"
#include "base/fd.h"
#include "mcp/backend.h"
#include "mcp/event.h"

namespace flashpods::mcp {

/// Speaks MCP (JSON-RPC, one message a line) until `in` ends; calls that run then get five seconds
/// to answer. Nothing but protocol goes to `out`. Also ends when `stop` (may be null) is set: calls
/// get no time then, and a client that reads no more is not waited for. However it ends, nothing
/// that it began is left: no call, no transfer. To end it, set `stop`; do not cancel it.
Awaitable<void> serve(Fd in, Fd out, Services services, std::shared_ptr<Event> stop = nullptr);

/// `flashpods mcp`: the same on these descriptors with the process's own settings and directory;
/// SIGTERM and SIGINT stop it. Returns the exit code.
int serve_mcp(int in_fd, int out_fd);

/// The same on standard input and output.
inline int serve_stdio() { return serve_mcp(0, 1); }

}  // namespace flashpods::mcp
