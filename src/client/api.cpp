#include "client/api.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "client/event_stream.h"
#include "client/reply_error.h"

namespace flashpods::client {

namespace {

using http::encode_segment;
using nlohmann::json;

/// A job may say nothing for as long as it may run (120 minutes), and wait for its image before.
constexpr Milliseconds kLongestSilence{std::chrono::hours{3}};

/// "?a=1&b=2" from what is not empty.
std::string query_text(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text;
  for (const auto& [name, value] : members) {
    if (value.empty()) continue;
    text += (text.empty() ? "?" : "&") + name + "=" + encode_segment(value);
  }
  return text;
}

template <class T>
std::string number(const std::optional<T>& value) {
  return value ? std::to_string(*value) : std::string{};
}

std::string output_target(const std::string& id, const OutputQuery& query, const char* mode) {
  return "/jobs/" + encode_segment(id) + "/output" +
         query_text({{"tail", number(query.tail)},
                     {"offset", number(query.offset)},
                     {"limit", number(query.limit)},
                     {"stream", query.stream},
                     {"timestamps", query.timestamps ? "1" : ""},
                     {mode, *mode == '\0' ? "" : "1"}});
}

std::string limit_text(int limit) { return limit > 0 ? std::to_string(limit) : std::string{}; }

std::string unquoted(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

std::string header(const http::ClientResponse& reply, std::string_view name) {
  const auto found = reply.headers.find(name);
  return found == reply.headers.end() ? std::string{} : found->second;
}

http::ClientRequest make_request(std::string method, std::string target) {
  http::ClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  return request;
}

}  // namespace

struct Api::Impl {
  Connection connection;
  std::vector<http::Client> idle;  ///< connections nobody uses now

  http::Client take() {
    if (idle.empty()) return http::Client{connection.origin};
    auto client = std::move(idle.back());
    idle.pop_back();
    return client;
  }

  void authorize(http::ClientRequest& request) const {
    request.headers["Authorization"] = "Bearer " + connection.token;
    request.headers["Accept"] = "application/json";
  }

  Awaitable<Result<http::ClientResponse>> exchange(http::ClientRequest request, OnBytes on_bytes) {
    auto client = take();
    auto reply = on_bytes ? co_await client.stream(std::move(request), std::move(on_bytes))
                          : co_await client.send(std::move(request));
    idle.push_back(std::move(client));
    if (!reply) co_return std::unexpected(with_advice(reply.error(), connection.origin));
    if (reply->status >= 300) co_return std::unexpected(to_error(*reply, connection.origin));
    co_return reply;
  }

  Awaitable<Result<json>> call(http::ClientRequest request) {
    authorize(request);
    auto reply = co_await exchange(std::move(request), {});
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    auto body = parse_json(reply->body);
    if (body && body->is_object()) co_return body;
    co_return std::unexpected(
        to_error(http::ClientResponse{reply->status, {}, {}}, connection.origin));
  }
};

Api::Api(Connection connection) : impl_(std::make_unique<Impl>(std::move(connection))) {}
Api::~Api() = default;

const Connection& Api::connection() const { return impl_->connection; }

Awaitable<Result<json>> Api::health() { return impl_->call(make_request("GET", "/health")); }

Awaitable<Result<json>> Api::create_job(json body) {
  auto request = make_request("POST", "/jobs");
  request.headers["Content-Type"] = "application/json";
  request.body = dump_json(body);
  return impl_->call(std::move(request));
}

Awaitable<Result<json>> Api::job(std::string id) {
  return impl_->call(make_request("GET", "/jobs/" + encode_segment(id)));
}

Awaitable<Result<json>> Api::jobs(JobQuery query) {
  return impl_->call(make_request("GET", "/jobs" + query_text({{"status", query.status},
                                                               {"limit", limit_text(query.limit)},
                                                               {"cursor", query.cursor},
                                                               {"name", query.name},
                                                               {"label", query.label}})));
}

Awaitable<Result<json>> Api::kill_job(std::string id) {
  return impl_->call(make_request("DELETE", "/jobs/" + encode_segment(id)));
}

Awaitable<Result<json>> Api::output(std::string id, OutputQuery query) {
  return impl_->call(make_request("GET", output_target(id, query, "")));
}

Awaitable<Result<void>> Api::raw_output(std::string id, OutputQuery query, OnBytes on_bytes) {
  auto request = make_request("GET", output_target(id, query, "raw"));
  impl_->authorize(request);
  auto reply = co_await impl_->exchange(std::move(request), std::move(on_bytes));
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  co_return Result<void>{};
}

Awaitable<Result<void>> Api::follow_output(std::string id, OutputQuery query, OnEvent on_event) {
  auto request = make_request("GET", output_target(id, query, "follow"));
  impl_->authorize(request);
  request.headers["Accept"] = "text/event-stream";
  request.timeout = kLongestSilence;
  EventStream events{std::move(on_event)};
  auto on_bytes = [&events](std::string_view piece) { return events.add(piece); };
  auto reply = co_await impl_->exchange(std::move(request), on_bytes);
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  co_return Result<void>{};
}

Awaitable<Result<json>> Api::artifacts(std::string id) {
  return impl_->call(make_request("GET", "/jobs/" + encode_segment(id) + "/artifacts"));
}

Awaitable<Result<json>> Api::finalize_upload(std::string upload_id) {
  return impl_->call(make_request("POST", "/uploads/" + encode_segment(upload_id) + "/finalize"));
}

Awaitable<Result<json>> Api::upload(std::string upload_id) {
  return impl_->call(make_request("GET", "/uploads/" + encode_segment(upload_id)));
}

Awaitable<Result<json>> Api::delete_upload(std::string upload_id) {
  return impl_->call(make_request("DELETE", "/uploads/" + encode_segment(upload_id)));
}

Awaitable<Result<std::string>> Api::artifact_bytes(std::string id, std::string name,
                                                   std::uint64_t offset, OnBytes on_bytes) {
  auto request =
      make_request("GET", "/jobs/" + encode_segment(id) + "/artifacts/" + encode_segment(name));
  impl_->authorize(request);
  request.headers["Accept"] = "application/octet-stream";
  if (offset > 0) request.headers["Range"] = "bytes=" + std::to_string(offset) + "-";
  auto reply = co_await impl_->exchange(std::move(request), std::move(on_bytes));
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (offset > 0 && reply->status != 206) {
    co_return fail(ErrorKind::kConflict, "range_ignored", "the server sent the whole artifact");
  }
  co_return unquoted(header(*reply, "ETag"));
}

}  // namespace flashpods::client
