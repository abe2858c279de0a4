#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "async/timer.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/message.h"

namespace flashpods::http {

/// Where a server is: "http://127.0.0.1:8080" (no path, no user info).
struct Origin {
  std::string scheme;  ///< "http" (TLS comes with identity)
  std::string host;
  std::uint16_t port = 0;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::string to_string() const;
};

/// kInvalid "invalid_url" for anything but http://HOST[:PORT][/].
[[nodiscard]] Result<Origin> parse_origin(std::string_view text);

/// What to send. `target` is already percent-encoded ("/jobs?limit=5"); see encode_segment.
struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;
  std::string body;
  Milliseconds timeout{30'000};  ///< for the whole exchange; for a download, per piece
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// One reply's body as it arrives; return false to stop.
using OnPiece = std::function<bool(std::string_view)>;

/// HTTP/1.1 client with one kept-alive connection; a request on a connection that the server closed
/// meanwhile is sent again once, on a new one, if no byte of a reply came. Follows no redirect.
/// Errors: kUnavailable "unreachable" (with the address and what to check), "connection_lost" (cut
/// off; the request may have been carried out), "bad_reply", "reply_too_large"; kTimeout "timeout";
/// kInvalid "invalid_request" (a space or control byte where none may be). Requests that overlap
/// use a connection each. Must be destroyed before its loop; a request keeps the client in use.
class Client {
 public:
  Client(Origin origin, std::size_t max_body = 8 * 1024 * 1024);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  Awaitable<Result<ClientResponse>> send(ClientRequest request);

  /// Streams the body to `on_piece` instead of keeping it (status 200 or 206; other bodies are kept
  /// as send() does). Also for server-sent events.
  Awaitable<Result<ClientResponse>> stream(ClientRequest request, OnPiece on_piece);

  [[nodiscard]] const Origin& origin() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Percent-encodes one path segment or query value (RFC 3986: all but unreserved).
[[nodiscard]] std::string encode_segment(std::string_view text);

}  // namespace flashpods::http
