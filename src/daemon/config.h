#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/settings.h"
#include "http/server.h"
#include "jobs/limits.h"
#include "uploads/limits.h"

namespace flashpods::daemon {

/// Everything that can be configured, with the specification's defaults. Paths that are empty lie
/// in the state directory.
struct Config {
  std::filesystem::path state_dir = "/var/lib/flashpods";
  std::filesystem::path spool;      ///< uploads/, sealed/ and jobs/: one filesystem
  std::filesystem::path artifacts;  ///< on the same filesystem as the spool
  std::filesystem::path database;
  std::filesystem::path logs;

  std::string api_address = "127.0.0.1";
  std::uint16_t api_port = 8080;
  std::vector<std::string> api_sources;  ///< empty: every source that reaches the address
  std::filesystem::path token_file;
  http::Limits http;

  std::string rsync_address = "127.0.0.1";
  std::uint16_t rsync_port = 8873;
  std::vector<std::string> rsync_sources;
  std::int64_t rsync_connections = 10;

  jobs::JobLimits jobs;
  uploads::Limits uploads;
  std::uint64_t artifact_bytes = 1024ULL * 1024 * 1024;
  std::uint64_t artifact_total_bytes = 2048ULL * 1024 * 1024;
  std::int64_t artifact_count = 200;

  std::string oci_runtime = "auto";
  bool guard_pulls = true;
  std::vector<std::string> dns;  ///< addresses of resolvers for jobs; empty: the host's own
  std::string log_level = "info";
  std::filesystem::path log_file;  ///< empty: standard error
  std::uint64_t log_file_bytes = 10ULL * 1024 * 1024;
};

/// Declares every setting of `config`, which must outlive the table.
void declare(Settings& settings, Config& config);

/// Defaults, then the file (if a path is given). kInvalid "invalid_settings" with file and line.
[[nodiscard]] Result<Config> load_config(const std::filesystem::path& file);

/// What --print-config writes: every setting, commented out at its default.
[[nodiscard]] std::string print_defaults();

/// Fills in what depends on the host and the state directory: empty paths, capacity 0.
void complete(Config& config);

}  // namespace flashpods::daemon
