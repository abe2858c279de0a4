#pragma once

#include <optional>

#include "http/message.h"
#include "http/server.h"
#include "http/wire.h"

namespace flashpods::http {

/// What came of reading one request.
struct Incoming {
  Request request;               ///< whole, or as far as it was understood
  bool gone = false;             ///< the peer left before it was whole: nobody waits for a reply
  std::optional<Error> refused;  ///< the reply to give; the connection must close after it
  bool keep_alive = false;
  bool http_1_0 = false;
};

/// Reads the next request, with the limits' sizes and times; answers Expect: 100-continue. Errors:
/// "header_too_large", "body_too_large", "bad_request", "request_timeout". Whatever is refused is
/// refused before its body is read. Bytes after the request stay in the wire's input.
Awaitable<Incoming> read_request(Wire& wire, const Limits& limits);

}  // namespace flashpods::http
