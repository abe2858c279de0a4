#include "cli/local_daemon.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"
#include "cli/json_fields.h"
#include "cli/shell_words.h"
#include "client/connection.h"
#include "client/secret_file.h"

namespace flashpods::cli {
namespace {

constexpr std::size_t kLargestEndpoints = 64 * 1024;
constexpr std::string_view kRsyncUser = "flashpods:";
constexpr std::string_view kEnvHead =
    "# Written by `flashpods up`; in a shell: . THIS_FILE\n"
    "# Whoever can read it can run jobs here.\n";

// The daemon's own file is in rsync's form, user:password.
std::string password_of(std::string secret) {
  return secret.starts_with(kRsyncUser) ? secret.substr(kRsyncUser.size()) : secret;
}

Result<client::Connection> connection_of(const Endpoints& endpoints) {
  auto origin = http::parse_origin(endpoints.url);
  if (!origin) return std::unexpected(origin.error());
  client::Connection connection;
  connection.origin = std::move(*origin);
  connection.rsync_url = endpoints.rsync_url;
  return connection;
}

}  // namespace

Result<Endpoints> parse_endpoints(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return std::unexpected(parsed.error());
  const auto pid = integer_at(*parsed, "pid").value_or(0);
  Endpoints endpoints{static_cast<pid_t>(pid), text_at(*parsed, "url"),
                      text_at(*parsed, "rsync_url"), text_at(*parsed, "instance")};
  const bool sound = pid > 1 && pid <= std::numeric_limits<pid_t>::max() &&
                     !endpoints.url.empty() && !endpoints.instance.empty();
  if (sound) return endpoints;
  return fail(ErrorKind::kInvalid, "invalid_endpoints",
              "run/endpoints.json in the state directory is not what flashpodsd writes");
}

Result<Endpoints> read_endpoints(const std::filesystem::path& state) {
  auto text = read_file(state / "run" / "endpoints.json", kLargestEndpoints);
  if (!text) return std::unexpected(text.error());
  return parse_endpoints(*text);
}

Awaitable<std::optional<nlohmann::json>> answering(Endpoints endpoints) {
  auto connection = connection_of(endpoints);
  if (!connection) co_return std::nullopt;
  client::Api api{std::move(*connection)};
  auto health = co_await api.health();
  if (!health || text_at(*health, "instance") != endpoints.instance) co_return std::nullopt;
  co_return std::move(*health);
}

Awaitable<std::optional<Endpoints>> running_daemon(std::filesystem::path state) {
  auto endpoints = read_endpoints(state);
  if (!endpoints) co_return std::nullopt;
  const auto health = co_await answering(*endpoints);
  if (!health) co_return std::nullopt;
  co_return std::move(*endpoints);
}

Result<std::map<std::string, std::string>> client_variables(const std::filesystem::path& state,
                                                            const Endpoints& endpoints) {
  auto token = client::read_secret(state / "token");
  if (!token) return std::unexpected(token.error());
  auto secret = client::read_secret(state / "rsync.secret");
  if (!secret) return std::unexpected(secret.error());
  return std::map<std::string, std::string>{{"FLASHPODS_URL", endpoints.url},
                                            {"FLASHPODS_API_TOKEN", *token},
                                            {"FLASHPODS_RSYNC_URL", endpoints.rsync_url},
                                            {"RSYNC_PASSWORD", password_of(*secret)}};
}

Result<std::filesystem::path> write_env_file(const std::filesystem::path& state,
                                             const Endpoints& endpoints) {
  auto variables = client_variables(state, endpoints);
  if (!variables) return std::unexpected(variables.error());
  auto file = state / "env";
  auto written = write_file_durably(file, std::string{kEnvHead} + to_exports(*variables));
  if (!written) return std::unexpected(written.error());
  return file;
}

Result<std::unique_ptr<client::Api>> api_of(const std::filesystem::path& state,
                                            const Endpoints& endpoints) {
  auto connection = connection_of(endpoints);
  if (!connection) return std::unexpected(connection.error());
  auto token = client::read_secret(state / "token");
  if (!token) return std::unexpected(token.error());
  connection->token = *token;
  return std::make_unique<client::Api>(std::move(*connection));
}

std::filesystem::path state_directory(const std::string& word) {
  if (word.empty()) return client::default_state_directory(client::real_places());
  auto path = std::filesystem::absolute(word).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace flashpods::cli
