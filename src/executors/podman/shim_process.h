#pragma once

#include <filesystem>
#include <optional>

#include <boost/asio/local/stream_protocol.hpp>

#include "async/awaitable.h"
#include "base/error.h"
#include "process/child.h"

namespace flashpods::executors {

using ShimSocket = boost::asio::local::stream_protocol::socket;

/// A shim that was just started, and our end of its first control connection.
struct ShimProcess {
  Child child;
  ShimSocket socket;
};

/// Starts `program` for a job's directory. It ends at once if another shim has the job.
[[nodiscard]] Result<ShimProcess> start_shim(const Executor& executor, const std::string& program,
                                             const std::filesystem::path& directory);

/// Connects to the shim that has the job, if one listens.
Awaitable<std::optional<ShimSocket>> connect_to_shim(std::filesystem::path directory);

/// Kills the shim of this job's directory, if one runs, and waits up to ten seconds for its end. It
/// blocks.
void end_shim(const std::filesystem::path& directory);

}  // namespace flashpods::executors
