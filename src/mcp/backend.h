#pragma once

#include <filesystem>
#include <memory>

#include "async/awaitable.h"
#include "async/blocking_pool.h"
#include "async/timer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "client/api.h"
#include "client/connection.h"
#include "client/local_paths.h"
#include "mcp/tool.h"
#include "process/command_runner.h"

namespace flashpods::mcp {

/// What the tools work with. Referenced things outlive the server.
struct Services {
  Timer& timer;
  const Clock& clock;
  Random& random;
  BlockingPool& pool;
  CommandRunner& runner;
  client::Places places;
  std::filesystem::path start_directory;  ///< absolute
};

/// The server behind the tools. Settings are read at the first call that needs them, so that the
/// handshake waits for nothing; and again after forget().
class Backend {
 public:
  explicit Backend(Services services) : services_(std::move(services)) {}

  Awaitable<Result<std::shared_ptr<client::Api>>> api();

  /// The server refused the token or is gone: the next call reads the settings anew, which a
  /// restarted local server has rewritten.
  void forget() { api_.reset(); }

  /// Where this call may read and write.
  Awaitable<Result<client::PathRules>> path_rules(Call& call);

  [[nodiscard]] const Services& services() const { return services_; }

 private:
  Services services_;
  std::shared_ptr<client::Api> api_;
};

}  // namespace flashpods::mcp
