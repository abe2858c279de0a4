#include "cli/server.h"

#include "cli/session.h"
#include "client/connection.h"

namespace flashpods::cli {

Awaitable<Result<std::unique_ptr<client::Api>>> connect(Session& session) {
  auto places = client::real_places();
  auto connection = co_await client::load_connection(std::move(places), session.commands);
  if (!connection) co_return std::unexpected(connection.error());
  co_return std::make_unique<client::Api>(std::move(*connection));
}

}  // namespace flashpods::cli
