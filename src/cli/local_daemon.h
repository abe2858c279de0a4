#pragma once
// The flashpodsd of one state directory: what it says about itself, and whether it runs.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>

#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "base/error.h"
#include "client/api.h"

namespace flashpods::cli {

/// D/run/endpoints.json, which flashpodsd writes once it listens. It may be left over.
struct Endpoints {
  pid_t pid = 0;
  std::string url;
  std::string rsync_url;
  std::string instance;
};

/// kNotFound if there is none; kInvalid "invalid_endpoints" if it is not what flashpodsd writes.
[[nodiscard]] Result<Endpoints> read_endpoints(const std::filesystem::path& state);
[[nodiscard]] Result<Endpoints> parse_endpoints(std::string_view text);

/// GET /health there, if it is this very instance that answers; nothing otherwise.
Awaitable<std::optional<nlohmann::json>> answering(Endpoints endpoints);

/// The daemon of `state`, if it answers.
Awaitable<std::optional<Endpoints>> running_daemon(std::filesystem::path state);

/// What a client needs to use it: the variables of D/env, from D/token and D/rsync.secret.
[[nodiscard]] Result<std::map<std::string, std::string>> client_variables(
    const std::filesystem::path& state, const Endpoints& endpoints);

/// Writes them to D/env (0600), for a shell to source; returns the file.
[[nodiscard]] Result<std::filesystem::path> write_env_file(const std::filesystem::path& state,
                                                           const Endpoints& endpoints);

/// A client of it, with its token.
[[nodiscard]] Result<std::unique_ptr<client::Api>> api_of(const std::filesystem::path& state,
                                                          const Endpoints& endpoints);

/// `word` made absolute, or the default state directory if it is empty.
[[nodiscard]] std::filesystem::path state_directory(const std::string& word);

}  // namespace flashpods::cli
