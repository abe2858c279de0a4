#pragma once
// What `run` and `agent` have in common: upload, create, watch, exit as the job did.

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "cli/file_upload.h"
#include "cli/parameters.h"
#include "cli/session.h"

namespace flashpods::cli {

/// Options of a new job, as they come from the command line.
struct LaunchOptions {
  FileOptions files;
  std::optional<std::int64_t> cpus;
  std::optional<std::int64_t> memory_gb;
  std::optional<std::int64_t> timeout_minutes;
  std::optional<std::int64_t> keep_minutes;
  std::string network;
  std::vector<std::string> env;     ///< "NAME=value", or "NAME" for our own value
  std::vector<std::string> labels;  ///< "key=value"
  std::string name;
  std::string client_job_id;
  bool read_only_root = false;
  bool detach = false;
};

/// Declares them.
void add_launch_parameters(std::vector<Parameter>& parameters, LaunchOptions& options);

/// The members of POST /jobs that they mean. kInvalid "usage" if one has no "=" or an --env names
/// a variable that is not set.
[[nodiscard]] Result<nlohmann::json> launch_request(
    const LaunchOptions& options, const std::map<std::string, std::string>& environment);

/// Does it all; `specific` holds the members that only this kind of job has ("type", "command", …).
Awaitable<int> launch(Session& session, LaunchOptions options, nlohmann::json specific);

}  // namespace flashpods::cli
