#pragma once
// ~/.config/flashpods/config.toml: which server, where its secrets are, what an agent may touch.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace flashpods::client {

/// The file's keys. Paths may begin with "~/".
struct ClientConfig {
  std::string url;
  std::string token_file;  ///< default: tokens/HOST_PORT beside the configuration file
  std::vector<std::string> token_command;  ///< argv; prints the token
  std::string rsync_url;
  std::string rsync_password_file;
  std::vector<std::string> allowed_paths;
  std::vector<std::string> plain_http_networks{"10.0.0.0/24"};
};

/// kInvalid "invalid_settings" with file and line for bad TOML, a wrong type or an unknown key.
[[nodiscard]] Result<ClientConfig> parse_client_config(std::string_view text,
                                                       const std::string& file_name);

/// The same from a file; defaults if there is none.
[[nodiscard]] Result<ClientConfig> read_client_config(const std::filesystem::path& path);

/// "~/x" inside HOME; anything else as it is.
[[nodiscard]] std::filesystem::path expand_home(std::string_view path,
                                                const std::filesystem::path& home);

}  // namespace flashpods::client
