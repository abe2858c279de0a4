#include "client/config_file.h"

#include "base/files.h"
#include "base/settings.h"

namespace flashpods::client {

namespace {

constexpr std::size_t kLimit = 1024 * 1024;

void declare(Settings& settings, ClientConfig& config) {
  settings.string("url", config.url, "The API's address, such as http://10.0.0.1:8080.");
  settings.string("token_file", config.token_file, "A file (mode 0600) with the API token.");
  settings.strings("token_command", config.token_command, "A command that prints the API token.");
  settings.string("rsync_url", config.rsync_url, "Where files go: rsync://10.0.0.1/uploads.");
  settings.string("rsync_password_file", config.rsync_password_file,
                  "A file (mode 0600) with rsync's password, where it asks for one.");
  settings.strings("allowed_paths", config.allowed_paths,
                   "Directories that an agent may upload from and save to.");
  settings.strings("plain_http_networks", config.plain_http_networks,
                   "Networks that encrypt by themselves: the token may go there by plain http.");
}

}  // namespace

Result<ClientConfig> parse_client_config(std::string_view text, const std::string& file_name) {
  ClientConfig config;
  Settings settings;
  declare(settings, config);
  auto loaded = settings.load_text(text, file_name);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return config;
}

Result<ClientConfig> read_client_config(const std::filesystem::path& path) {
  auto text = read_file(path, kLimit);
  if (text) return parse_client_config(*text, path.string());
  if (text.error().kind == ErrorKind::kNotFound) return ClientConfig{};
  return std::unexpected(std::move(text.error()));
}

std::filesystem::path expand_home(std::string_view path, const std::filesystem::path& home) {
  if (path == "~") return home;
  if (path.starts_with("~/")) return home / path.substr(2);
  return std::filesystem::path{path};
}

}  // namespace flashpods::client
