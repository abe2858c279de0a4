#include "daemon/options.h"

#include <CLI/CLI.hpp>

namespace flashpods::daemon {

namespace {

constexpr const char* kFooter =
    "Without a configuration file it serves the current user on loopback (local mode).\n"
    "`flashpods up` starts it that way and waits until it answers.\n"
    "SIGTERM stops it; running jobs go on and are found again at the next start.";

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  bool check = false, print = false;
  CLI::App app{"flashpodsd: runs build jobs and agents in rootless containers"};
  app.footer(kFooter);
  app.set_version_flag("--version", FLASHPODS_VERSION);
  app.add_option("--config", options.config_file, "TOML file; see --print-config");
  app.add_option("--state-dir", options.state_dir, "Where everything of this instance lies");
  app.add_option("--port", options.port, "Port of the HTTP API; 0 takes a free one");
  app.add_option("--rsync-port", options.rsync_port, "Port for uploads; 0 takes a free one");
  app.add_option("--log-file", options.log_file, "Log there instead of on standard error");
  app.add_flag("--check-config", check, "Say whether the configuration is right, and end");
  app.add_flag("--print-config", print, "Print every setting with its default, and end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    options.mode = Options::Mode::kPrinted;
    options.exit_code = app.exit(e) == 0 ? 0 : 2;
    return options;
  }
  if (check) options.mode = Options::Mode::kCheckConfig;
  if (print) options.mode = Options::Mode::kPrintConfig;
  return options;
}

Result<Config> configure(const Options& options) {
  auto config = load_config(options.config_file);
  if (!config) return config;
  if (options.state_dir) config->state_dir = std::filesystem::absolute(*options.state_dir);
  if (options.port) config->api_port = *options.port;
  if (options.rsync_port) config->rsync_port = *options.rsync_port;
  if (options.log_file) config->log_file = std::filesystem::absolute(*options.log_file);
  complete(*config);
  return config;
}

}  // namespace flashpods::daemon
