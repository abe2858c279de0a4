#include <algorithm>
#include <charconv>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/error_reply.h"
#include "api/services.h"
#include "base/json_reader.h"

namespace flashpods::api {

namespace {

using Endpoint = Awaitable<Reply> (*)(Services&, http::Request);

/// Runs an endpoint and turns whatever goes wrong into its reply. A full disk is the client's to
/// know; other faults of the store go on to the server, which answers 500 and logs them.
Awaitable<http::Response> answer(Services& services, Endpoint endpoint, http::Request request) {
  const std::string request_id = request.request_id;
  try {
    Reply reply = co_await endpoint(services, std::move(request));
    if (reply) co_return std::move(*reply);
    co_return error_reply(reply.error(), request_id);
  } catch (const StoreError& e) {
    if (!e.disk_full()) throw;
  }
  co_return error_reply({ErrorKind::kInsufficientStorage, "disk_full",
                         "The host's disk is full: nothing was changed; free space and try again"},
                        request_id);
}

http::Route route(Services& services, const char* method, const char* pattern, Endpoint endpoint,
                  bool public_access = false) {
  auto handler = [&services, endpoint](http::Request request) {
    return answer(services, endpoint, std::move(request));
  };
  return {method, pattern, std::move(handler), public_access};
}

/// One question a connection: a stranger who asks on and on, and reads no answer, gets no place.
http::Response to_stranger(http::Response reply) {
  reply.headers["Connection"] = "close";
  return reply;
}

/// Finds the route, checks the token, runs it.
Awaitable<http::Response> dispatch(const http::Router& router, Services& services,
                                   http::Request request) {
  const auto found = router.match(request);
  const auto known = services.token.check(request.header("Authorization"));
  if (!known) {
    // Before anything is said about paths: a stranger learns nothing.
    const bool is_public = found && (*found)->public_access;
    if (!is_public) co_return to_stranger(error_reply(known.error(), request.request_id));
    co_return to_stranger(co_await (*found)->handler(std::move(request)));
  }
  if (!found) co_return error_reply(found.error(), request.request_id);
  co_return co_await (*found)->handler(std::move(request));
}

}  // namespace

std::vector<http::Route> routes(Services& services) {
  return {
      route(services, "POST", "/uploads/:id/finalize", finalize_upload),
      route(services, "GET", "/uploads/:id", get_upload),
      route(services, "DELETE", "/uploads/:id", delete_upload),
      route(services, "POST", "/jobs", create_job),
      route(services, "GET", "/jobs", list_jobs),
      route(services, "GET", "/jobs/:id", get_job),
      route(services, "GET", "/jobs/:id/output", get_output),
      route(services, "GET", "/jobs/:id/artifacts", list_artifacts),
      route(services, "GET", "/jobs/:id/artifacts/:name", get_artifact),
      route(services, "DELETE", "/jobs/:id", delete_job),
      route(services, "GET", "/health", get_health, true),
  };
}

http::Handler make_handler(Services& services) {
  const auto router = std::make_shared<const http::Router>(routes(services));
  return [router, &services](http::Request request) {
    return dispatch(*router, services, std::move(request));
  };
}

http::Response json_reply(int status, const nlohmann::json& body) {
  http::Response reply;
  reply.status = status;
  reply.headers["Content-Type"] = "application/json";
  reply.headers["Cache-Control"] = "no-store";
  reply.body = dump_json(body) + "\n";
  return reply;
}

Result<std::int64_t> query_integer(const http::Request& request, const std::string& name,
                                   std::int64_t fallback, std::int64_t low, std::int64_t high) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return fallback;
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= low && value <= high) {
    return value;
  }
  return fail(ErrorKind::kInvalid, "invalid_parameter",
              fmt::format("{} must be a whole number from {} to {}", name, low, high));
}

Result<void> check_query(const http::Request& request,
                         std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return fail(ErrorKind::kInvalid, "unknown_parameter",
                fmt::format("this endpoint takes {}",
                            known.size() == 0 ? "no query parameters"
                                              : fmt::format("only {}", fmt::join(known, ", "))));
  }
  return {};
}

}  // namespace flashpods::api
