#include "mcp/backend.h"

#include <algorithm>
#include <utility>

namespace flashpods::mcp {

namespace fs = std::filesystem;

namespace {

bool is_in_any(const fs::path& path, const std::vector<fs::path>& roots) {
  return std::ranges::any_of(roots, [&](const fs::path& root) {
    const auto rest = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
    return rest.first == root.end();
  });
}

}  // namespace

Awaitable<Result<std::shared_ptr<client::Api>>> Backend::api() {
  if (api_) co_return api_;
  auto connection = co_await client::load_connection(services_.places, services_.runner);
  if (!connection) co_return std::unexpected(std::move(connection.error()));
  if (!api_) api_ = std::make_shared<client::Api>(std::move(*connection));
  co_return api_;
}

Awaitable<Result<client::PathRules>> Backend::path_rules(Call& call) {
  auto server = co_await api();
  if (!server) co_return std::unexpected(std::move(server.error()));
  auto roots = co_await call.roots();
  if (roots.empty()) roots.push_back(services_.start_directory);
  const auto& start = services_.start_directory;
  const auto base = is_in_any(start, roots) ? start : roots.front();
  const auto& allowed = (*server)->connection().allowed_paths;
  roots.insert(roots.end(), allowed.begin(), allowed.end());
  co_return client::make_path_rules(std::move(roots), base, services_.places.home);
}

}  // namespace flashpods::mcp
