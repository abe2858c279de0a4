#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "async/awaitable.h"
#include "base/error.h"
#include "process/child.h"
#include "process/command_runner.h"

namespace flashpods::client {

/// Called with each piece of the child's standard output as it comes.
using OnOutput = std::function<void(std::string_view piece)>;

/// Runs a command to its end, handing on its output meanwhile; `out` of the result stays empty and
/// `timeout` is not looked at. On cancellation the child's group gets SIGTERM, so that rsync keeps
/// what it has, SIGKILL two seconds later, and is reaped before the call ends.
Awaitable<Result<CommandResult>> run_streamed(Command command, OnOutput on_output);

}  // namespace flashpods::client
