#include "client/connection.h"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

#include "client/config_file.h"
#include "client/env_file.h"
#include "client/origin_rules.h"
#include "client/secret_file.h"

namespace flashpods::client {

namespace {

using Variables = std::map<std::string, std::string>;

constexpr Milliseconds kTokenCommandLimit{20'000};

std::string value_of(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string{} : found->second;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

std::filesystem::path home_directory() {
  if (auto home = environment("HOME"); !home.empty()) return home;
  const passwd* entry = ::getpwuid(::getuid());
  return entry == nullptr ? "/" : entry->pw_dir;
}

/// XDG base directories: a relative value is to be ignored.
std::filesystem::path base_directory(const Variables& variables, const char* name,
                                     const std::filesystem::path& fallback) {
  const std::filesystem::path value = value_of(variables, name);
  return value.is_absolute() ? value : fallback;
}

/// One server as one of the three places names it, before its secrets are read.
struct Candidate {
  std::string url;
  std::string token;
  std::string rsync_url;
  std::string rsync_password;
};

Candidate from_variables(const Variables& variables) {
  return {value_of(variables, "FLASHPODS_URL"), value_of(variables, "FLASHPODS_API_TOKEN"),
          value_of(variables, "FLASHPODS_RSYNC_URL"), value_of(variables, "RSYNC_PASSWORD")};
}

Result<Candidate> from_local_env(const std::filesystem::path& path) {
  auto text = read_secret_file(path);
  if (text) return from_variables(parse_env_file(*text));
  if (text.error().kind == ErrorKind::kNotFound) return Candidate{};
  return std::unexpected(std::move(text.error()));
}

Error no_token(const std::string& url, const std::string& what_to_do) {
  return Error{ErrorKind::kInvalid, "token_missing", "no token is saved for " + url + what_to_do};
}

Awaitable<Result<std::string>> run_token_command(std::vector<std::string> argv,
                                                 CommandRunner& runner) {
  Command command;
  command.argv = std::move(argv);
  command.env = tool_environment();
  command.timeout = kTokenCommandLimit;
  const auto name = command.argv.front();
  auto result = co_await runner.run(std::move(command));
  if (!result) co_return std::unexpected(std::move(result.error()));
  auto token = trimmed(result->out);
  if (result->ok() && !token.empty()) co_return token;
  co_return fail(ErrorKind::kInvalid, "token_missing",
                 "token_command (" + name + ") gave no token; run it by hand to see why");
}

std::filesystem::path default_token_file(const Places& places, const http::Origin& origin) {
  return places.config_file.parent_path() / "tokens" /
         (origin.host + "_" + std::to_string(origin.port));
}

Awaitable<Result<std::string>> configured_token(const Places& places, const ClientConfig& config,
                                                const http::Origin& origin, CommandRunner& runner) {
  if (!config.token_command.empty()) {
    co_return co_await run_token_command(config.token_command, runner);
  }
  const auto file = config.token_file.empty() ? default_token_file(places, origin)
                                              : expand_home(config.token_file, places.home);
  auto token = read_secret(file);
  if (!token && token.error().kind == ErrorKind::kNotFound) {
    co_return std::unexpected(
        no_token(config.url, "; put it into " + file.string() + " (mode 0600)"));
  }
  co_return token;
}

Awaitable<Result<Candidate>> from_config(const Places& places, const ClientConfig& config,
                                         CommandRunner& runner) {
  Candidate candidate{config.url, {}, config.rsync_url, {}};
  const auto origin = http::parse_origin(config.url);
  if (!origin) co_return std::unexpected(origin.error());
  auto token = co_await configured_token(places, config, *origin, runner);
  if (!token) co_return std::unexpected(std::move(token.error()));
  candidate.token = std::move(*token);
  if (!config.rsync_password_file.empty()) {
    auto password = read_secret(expand_home(config.rsync_password_file, places.home));
    if (!password) co_return std::unexpected(std::move(password.error()));
    candidate.rsync_password = std::move(*password);
  }
  co_return candidate;
}

bool same_server(const std::string& a, const std::string& b) {
  const auto first = http::parse_origin(a);
  const auto second = http::parse_origin(b);
  return first && second && first->to_string() == second->to_string();
}

/// The environment names a server and may leave the rest to what is saved for that same server.
Awaitable<Result<Candidate>> complete(Candidate wanted, const Places& places,
                                      const ClientConfig& config, CommandRunner& runner) {
  if (!wanted.token.empty()) co_return wanted;
  Result<Candidate> saved = Candidate{};
  if (same_server(wanted.url, config.url)) {
    saved = co_await from_config(places, config, runner);
  } else {
    saved = from_local_env(places.local_env);
  }
  if (!saved) co_return saved;
  if (!same_server(wanted.url, saved->url) || saved->token.empty()) {
    co_return std::unexpected(no_token(wanted.url, "; set FLASHPODS_API_TOKEN"));
  }
  wanted.token = saved->token;
  if (wanted.rsync_url.empty()) wanted.rsync_url = saved->rsync_url;
  if (wanted.rsync_password.empty()) wanted.rsync_password = saved->rsync_password;
  co_return wanted;
}

Awaitable<Result<Candidate>> choose(const Places& places, const ClientConfig& config,
                                    CommandRunner& runner) {
  auto named = from_variables(places.environment);
  if (!named.url.empty()) {
    co_return co_await complete(std::move(named), places, config, runner);
  }
  if (!config.url.empty()) co_return co_await from_config(places, config, runner);
  auto local = from_local_env(places.local_env);
  if (!local || (!local->url.empty() && !local->token.empty())) co_return local;
  co_return fail(ErrorKind::kUnavailable, "not_configured",
                 "no Flashpods server is known: run `flashpods up` to start one on this machine, "
                 "or set FLASHPODS_URL and FLASHPODS_API_TOKEN");
}

std::string default_rsync_url(const http::Origin& origin) {
  return "rsync://" + origin.host + "/uploads";
}

std::vector<std::string> resolved_paths(const std::vector<std::string>& paths,
                                        const std::filesystem::path& home) {
  std::vector<std::string> resolved;
  for (const auto& path : paths) resolved.push_back(expand_home(path, home).string());
  return resolved;
}

Result<Connection> connect(Candidate candidate, const ClientConfig& config,
                           const std::filesystem::path& home) {
  auto origin = http::parse_origin(candidate.url);
  if (!origin) return std::unexpected(std::move(origin.error()));
  auto allowed = check_plain_http(*origin, config.plain_http_networks);
  if (!allowed) return std::unexpected(std::move(allowed.error()));
  auto rsync_url =
      candidate.rsync_url.empty() ? default_rsync_url(*origin) : std::move(candidate.rsync_url);
  while (rsync_url.ends_with('/')) rsync_url.pop_back();
  return Connection{std::move(*origin), std::move(candidate.token), std::move(rsync_url),
                    std::move(candidate.rsync_password),
                    resolved_paths(config.allowed_paths, home)};
}

}  // namespace

Places real_places() {
  Places places;
  for (const auto* name : {"FLASHPODS_URL", "FLASHPODS_API_TOKEN", "FLASHPODS_RSYNC_URL",
                           "RSYNC_PASSWORD", "XDG_CONFIG_HOME", "XDG_STATE_HOME"}) {
    if (auto value = environment(name); !value.empty()) places.environment[name] = value;
  }
  places.home = home_directory();
  const auto config =
      base_directory(places.environment, "XDG_CONFIG_HOME", places.home / ".config");
  places.config_file = config / "flashpods" / "config.toml";
  places.local_env = default_state_directory(places) / "env";
  return places;
}

std::filesystem::path default_state_directory(const Places& places) {
  return base_directory(places.environment, "XDG_STATE_HOME", places.home / ".local/state") /
         "flashpods";
}

Awaitable<Result<Connection>> load_connection(Places places, CommandRunner& runner) {
  auto config = read_client_config(places.config_file);
  if (!config) co_return std::unexpected(std::move(config.error()));
  auto candidate = co_await choose(places, *config, runner);
  if (!candidate) co_return std::unexpected(std::move(candidate.error()));
  co_return connect(std::move(*candidate), *config, places.home);
}

}  // namespace flashpods::client
