#pragma once
// Which server a client talks to, and with what: from the environment, the user's configuration
// file, or the local daemon that `flashpods up` started.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "base/error.h"
#include "http/client.h"
#include "process/command_runner.h"

namespace flashpods::client {

/// What a client needs to know. `token` and `rsync_password` are secrets: they go into the
/// Authorization header and rsync's environment, and nowhere else.
struct Connection {
  http::Origin origin;
  std::string token;
  std::string rsync_url;                   ///< "rsync://[USER@]HOST[:PORT]/uploads", no last '/'
  std::string rsync_password;              ///< empty where rsync asks for none
  std::vector<std::string> allowed_paths;  ///< directories beside the start directory, resolved
};

/// Where settings are looked for; real_places() gives the process's own.
struct Places {
  std::map<std::string, std::string> environment;
  std::filesystem::path home;         ///< the user's home directory, absolute
  std::filesystem::path config_file;  ///< ~/.config/flashpods/config.toml
  std::filesystem::path local_env;    ///< STATE/env, which `flashpods up` writes
};

/// From the environment: HOME, XDG_CONFIG_HOME, XDG_STATE_HOME and the FLASHPODS_ variables.
[[nodiscard]] Places real_places();

/// ${XDG_STATE_HOME:-~/.local/state}/flashpods: where `flashpods up` keeps its state.
[[nodiscard]] std::filesystem::path default_state_directory(const Places& places);

/// The first of these that names a server wins: FLASHPODS_URL; `url` in the configuration file; the
/// local daemon's env file. A token is used only with the URL that stands beside it: an environment
/// URL without FLASHPODS_API_TOKEN takes the token saved for that same URL, or fails. Plain http is
/// refused beyond loopback and `plain_http_networks` (10.0.0.0/24, the WireGuard network).
/// Files with secrets that group or others may read are refused.
/// Errors: kUnavailable "not_configured" (says to run `flashpods up`), kInvalid
/// "insecure_file" | "insecure_url" | "invalid_settings" | "token_missing".
Awaitable<Result<Connection>> load_connection(Places places, CommandRunner& runner);

}  // namespace flashpods::client
