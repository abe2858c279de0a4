#include "http/client.h"

#include <algorithm>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "http/client_link.h"
#include "http/reply_reader.h"

namespace flashpods::http {

namespace {

constexpr Milliseconds kConnectLimit{5'000};

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_sendable(const ClientRequest& request) {
  const auto bad = [](const auto& header) {
    return has_control(header.first) || has_control(header.second) ||
           header.first.find_first_of(": ") != std::string::npos;
  };
  const bool spaced = (request.method + request.target).find(' ') != std::string::npos;
  return request.target.starts_with('/') && !spaced && !request.method.empty() &&
         !has_control(request.method) && !has_control(request.target) &&
         std::ranges::none_of(request.headers, bad);
}

std::string to_head(const ClientRequest& request, const Origin& origin) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
  Headers headers = request.headers;
  headers.try_emplace("Host", origin.to_string().substr(origin.scheme.size() + 3));
  headers.try_emplace("User-Agent", "flashpods/" FLASHPODS_VERSION);
  headers.erase("Transfer-Encoding");
  headers.erase("Content-Length");
  const bool may_have_body = request.method != "GET" && request.method != "HEAD";
  if (may_have_body || !request.body.empty())
    headers["Content-Length"] = std::to_string(request.body.size());
  for (const auto& [name, value] : headers) head.append(name).append(": ").append(value) += "\r\n";
  return head += "\r\n";
}

Error unreachable(const Origin& origin, const boost::system::error_code& error) {
  return Error{ErrorKind::kUnavailable, "unreachable",
               "cannot reach " + origin.to_string() + " (" + error.message() +
                   "): is flashpodsd running there? `flashpods up` starts it; else check the "
                   "address, the port and the firewall"};
}

}  // namespace

struct Client::Impl {
  Origin origin;
  std::size_t max_body;
  std::unique_ptr<ClientLink> idle;

  /// The kept connection, if it lives on this loop.
  std::unique_ptr<ClientLink> take_idle(const Executor& executor) {
    auto link = std::exchange(idle, nullptr);
    return link && link->executor() == executor ? std::move(link) : nullptr;
  }

  Awaitable<Reply> exchange(ClientLink& link, const ClientRequest& request, ReplyPlan plan) {
    const std::string head = to_head(request, origin);
    link.expect_within(request.timeout);
    // A server that refuses a large body may answer and close before it has read it all, so what
    // became of sending shows in the reply.
    co_await link.send(head, request.body);
    Reply reply = co_await read_reply(link, origin, plan);
    link.expect_nothing();
    co_return reply;
  }

  Awaitable<Result<ClientResponse>> run(ClientRequest request, ReplyPlan plan) {
    const Executor executor = co_await boost::asio::this_coro::executor;
    plan.head_only = request.method == "HEAD";
    plan.max_body = max_body;
    plan.timeout = request.timeout;
    if (auto kept = take_idle(executor)) {
      Reply reply = co_await exchange(*kept, request, plan);
      const bool was_stale = reply.error && !reply.any_byte && !reply.timed_out;
      if (!was_stale) co_return finish(std::move(kept), std::move(reply));
    }
    auto link = std::make_unique<ClientLink>(executor);
    const Milliseconds limit = std::min(kConnectLimit, request.timeout);
    const auto error = co_await link->connect(origin, limit);
    if (error) co_return std::unexpected(unreachable(origin, error));
    Reply reply = co_await exchange(*link, request, plan);
    co_return finish(std::move(link), std::move(reply));
  }

  Result<ClientResponse> finish(std::unique_ptr<ClientLink> link, Reply reply) {
    if (reply.error) return std::unexpected(std::move(*reply.error));
    if (reply.reusable) idle = std::move(link);
    return std::move(reply.response);
  }
};

Client::Client(Origin origin, std::size_t max_body)
    : impl_(std::make_unique<Impl>(std::move(origin), max_body, nullptr)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Awaitable<Result<ClientResponse>> Client::send(ClientRequest request) {
  return stream(std::move(request), nullptr);
}

Awaitable<Result<ClientResponse>> Client::stream(ClientRequest request, OnPiece on_piece) {
  if (!is_sendable(request))
    co_return fail(ErrorKind::kInvalid, "invalid_request",
                   "a request's method, target or header holds a space or control character");
  ReplyPlan plan;
  if (on_piece) plan.on_piece = &on_piece;
  Awaitable<Result<ClientResponse>> running = impl_->run(std::move(request), plan);
  co_return co_await std::move(running);
}

const Origin& Client::origin() const { return impl_->origin; }

}  // namespace flashpods::http
