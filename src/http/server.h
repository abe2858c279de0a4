#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "http/message.h"

namespace flashpods::http {

struct Limits {
  std::size_t header = 16 * 1024;  ///< bytes; beyond: 431
  std::size_t body = 1024 * 1024;  ///< bytes; beyond: 413
  Milliseconds header_timeout{
      10'000};  ///< from the first byte of a request to the end of its header
  Milliseconds body_timeout{30'000};
  Milliseconds idle_timeout{75'000};  ///< between requests on one connection
  /// A reply is dropped if its peer takes less than Wire::kLeastRate in a period of this length.
  Milliseconds write_progress{30'000};
  /// Beyond, or without a free descriptor, the newest waits in the kernel's backlog until another
  /// one ends, or has kept us waiting for at least `patience_when_full`, for a request or for a
  /// reply (not a stream) to be read: the one that has done so longest is closed then.
  /// At most half of them may be streams at a time; a further one is refused (429).
  std::size_t connections = 1024;
  Milliseconds patience_when_full{1'000};
};

/// Turns an Error of the protocol itself (broken header, body too large) into a reply; the same
/// function the application uses for its own errors.
using ErrorReply = std::function<Response(const Error&, const std::string& request_id)>;

/// HTTP/1.1 over TCP or a unix socket: keep-alive, pipelining in order, HEAD, Expect: 100-continue,
/// chunked requests, X-Request-Id on every reply, Date, Content-Length. A handler that throws is a
/// 500 and a log line, never a dropped daemon. All on the executor's one thread.
class Server {
 public:
  /// May a connection from this peer be served? Asked at accept, before a byte is read.
  using Admit = std::function<bool(const Peer&)>;

  struct Options {
    Limits limits;
    Handler handler;
    ErrorReply error_reply;
    Admit admit;  ///< empty: everyone
    /// A handler threw, or accept failed (EMFILE: it pauses and goes on).
    std::function<void(std::string_view what, std::string_view request_id)> on_fault;
    /// One finished request: for the access log.
    std::function<void(const Request&, int status, std::uint64_t bytes, Milliseconds took)> on_done;
  };

  Server(Executor executor, Options options);
  ~Server();

  /// Binds and listens; port 0 takes a free one. Errors name the address and what to do.
  [[nodiscard]] Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);

  /// Accepts until stop(). One call.
  Awaitable<void> serve();

  /// Graceful: no new connection, idle ones close, replies under way finish (streams are
  /// cancelled), at most `grace`; serve() then returns.
  void stop(Milliseconds grace);

  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flashpods::http
