// A server connection over a socket pair: the peer sends these bytes, whole and in pieces, and ends
// its side. Requests are framed as the RFC says, replies too, and how the bytes were cut into reads
// changes nothing.

#include <algorithm>
#include <array>
#include <sys/socket.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/fd.h"
#include "fuzz/http_framing.h"
#include "fuzz/target.h"
#include "http/connection.h"

namespace flashpods {
namespace {

using fuzz::require;

constexpr std::size_t kHeaderLimit = 1024;
constexpr std::size_t kBodyLimit = 1024;

boost::asio::io_context& loop() {
  static boost::asio::io_context io{1};
  return io;
}

/// One connection's life as both sides saw it.
struct Talk {
  std::vector<http::Request> requests;
  std::vector<std::string> refusals;
  std::string replies;
};

/// The reply repeats what a request said wherever a handler could: header, body.
http::Response echo(const http::Request& request) {
  http::Response reply{200, {}, request.body};
  for (const auto& segment : request.path) reply.headers["X-Path"] += segment;
  for (const auto& [name, value] : request.query) reply.headers["X-Query"] += name + value;
  reply.headers["X-Host"] = request.header("host");
  return reply;
}

Awaitable<http::Response> note(Talk& talk, http::Request request) {
  talk.requests.push_back(request);
  co_return echo(request);
}

std::shared_ptr<http::Service> service_for(Talk& talk) {
  auto service = std::make_shared<http::Service>();
  service->options.limits.header = kHeaderLimit;
  service->options.limits.body = kBodyLimit;
  service->options.handler = [&talk](http::Request request) {
    return note(talk, std::move(request));
  };
  service->options.error_reply = [&talk](const Error& error, const std::string&) {
    talk.refusals.push_back(error.code);
    return http::Response{400, {}, "refused"};
  };
  service->options.on_fault = [](std::string_view what, std::string_view) { require(false, what); };
  return service;
}

void drain(int socket, std::string& bytes) {
  static std::array<char, 16384> piece;
  for (ssize_t got = 1; got > 0;) {
    got = ::recv(socket, piece.data(), piece.size(), MSG_DONTWAIT);
    if (got > 0) bytes.append(piece.data(), static_cast<std::size_t>(got));
  }
}

Talk converse(std::string_view bytes, std::size_t piece) {
  std::array<int, 2> pair{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) == 0,
          "a socket pair");
  const Fd peer(pair[0]);
  Talk talk;
  bool ended = false;
  {
    http::Wire::Socket socket(loop(), boost::asio::generic::stream_protocol(AF_UNIX, 0), pair[1]);
    const auto connection =
        std::make_shared<http::Connection>(std::move(socket), http::Peer{}, service_for(talk));
    boost::asio::co_spawn(
        loop(), connection->run(),
        boost::asio::bind_cancellation_slot(connection->cancellation_slot(),
                                            [&ended, connection](const std::exception_ptr& thrown) {
                                              require(!thrown, "a connection never throws");
                                              ended = true;
                                            }));
  }
  const std::size_t patience = 500 + 8 * bytes.size();
  std::size_t steps = 0;
  const auto turn = [&] {
    loop().restart();
    steps += loop().poll();
    require(steps < patience, "a connection never spins");
    drain(peer.get(), talk.replies);
  };
  for (; !bytes.empty() && !ended; bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const auto part = bytes.substr(0, piece);
    if (::send(peer.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
    turn();
  }
  ::shutdown(peer.get(), SHUT_WR);
  for (int i = 0; i < 1000 && !ended; ++i) turn();
  require(ended, "a connection ends with its peer");
  turn();
  return talk;
}

/// The server's requests are those that stand in the bytes, in order and without a gap. Returns
/// what comes after them.
std::string_view check_requests(const Talk& talk, std::string_view bytes) {
  for (const http::Request& request : talk.requests) {
    while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    const auto seen = fuzz::read_message(bytes);
    require(seen.has_value(), "what is served is strictly a request");
    require(seen->start_line.starts_with(request.method + " "), "its method is the line's");
    require(seen->body == request.body, "its body is what the header frames");
    require(seen->body.size() <= kBodyLimit, "its body keeps the limit");
    for (const auto& [name, value] : seen->fields)
      require(request.header(name).find(value) != std::string::npos, "its fields are all there");
    bytes = seen->rest;
  }
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  return bytes;
}

/// Reads what was sent back, without the interim replies; each stays as status and body. `refused`:
/// what stands where a refused request would.
std::vector<std::string> check_replies(const Talk& talk, std::string_view refused) {
  std::vector<std::string> replies;
  std::string_view bytes = talk.replies;
  while (!bytes.empty()) {
    const auto head = fuzz::read_head(bytes);
    require(head.has_value() && head->start_line.starts_with("HTTP/1.1 "), "a reply is a reply");
    if (head->start_line.starts_with("HTTP/1.1 100 ")) {
      bytes = head->rest;
      continue;
    }
    const auto number = replies.size();
    const bool is_head = number < talk.requests.size() ? talk.requests[number].method == "HEAD"
                                                       : refused.starts_with("HEAD ");
    require(head->field("Content-Length").has_value(), "a reply says its length");
    const auto reply = fuzz::read_message(bytes, !is_head);
    require(reply.has_value(), "a reply is whole");
    replies.push_back(std::string{reply->start_line} + '\n' + reply->body);
    bytes = reply->rest;
  }
  require(replies.size() == talk.requests.size() + talk.refusals.size(),
          "one reply to each request and refusal");
  require(talk.refusals.size() <= 1, "a refusal ends the connection");
  return replies;
}

void check_same(const Talk& a, const Talk& b) {
  // Not the reason: a trailer that is both wrong and too long is refused for what shows first.
  require(a.refusals.size() == b.refusals.size(), "cuts change not whether it is refused");
  require(a.requests.size() == b.requests.size(), "cuts change no request's place");
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    const auto &left = a.requests[i], &right = b.requests[i];
    require(left.method == right.method && left.path == right.path && left.query == right.query &&
                left.headers == right.headers && left.body == right.body,
            "cuts change nothing of a request");
  }
}

FUZZ_TARGET(http_connection) {
  input = input.substr(0, 8192);
  const auto whole = converse(input, input.size() + 1);
  const auto refused = check_requests(whole, input);
  const auto replies = check_replies(whole, refused);
  const auto cut = converse(input, 1 + input.size() / 23);
  check_same(whole, cut);
  require(check_replies(cut, refused) == replies, "cuts change no reply");
}

}  // namespace
}  // namespace flashpods
