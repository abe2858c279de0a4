#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "daemon/config.h"

namespace flashpods::daemon {

/// The command line of flashpodsd.
struct Options {
  enum class Mode : std::uint8_t { kServe, kCheckConfig, kPrintConfig, kPrinted };
  Mode mode = Mode::kServe;
  int exit_code = 0;  ///< of kPrinted: --help, --version, or a wrong command line
  std::filesystem::path config_file;
  std::optional<std::filesystem::path> state_dir;
  std::optional<std::uint16_t> port;
  std::optional<std::uint16_t> rsync_port;
  std::optional<std::filesystem::path> log_file;
};

/// Reads argv; prints help, version and errors itself.
[[nodiscard]] Options parse_options(int argc, char** argv);

/// The configuration with the command line's words on top, complete.
[[nodiscard]] Result<Config> configure(const Options& options);

}  // namespace flashpods::daemon
