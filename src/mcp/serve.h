#pragma once

#include "async/awaitable.h"
#include "base/fd.h"
#include "mcp/backend.h"

namespace flashpods::mcp {

/// Speaks MCP (JSON-RPC, one message a line) until `in` ends; calls that run then get a second to
/// answer. Nothing but protocol goes to `out`.
Awaitable<void> serve(Fd in, Fd out, Services services);

/// `flashpods mcp`: the same on these descriptors with the process's own settings and directory;
/// also ends on SIGTERM and SIGINT. Returns the exit code.
int serve_mcp(int in_fd, int out_fd);

/// The same on standard input and output.
inline int serve_stdio() { return serve_mcp(0, 1); }

}  // namespace flashpods::mcp
