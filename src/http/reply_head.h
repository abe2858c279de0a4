#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"

namespace flashpods::http {

/// What the server says about a reply beside the handler's own headers.
struct ReplyFrame {
  std::optional<std::uint64_t> length = {};  ///< Content-Length
  bool chunked = false;
  bool close = false;
  std::string_view request_id = {};
  std::string_view date = {};
};

/// True for replies that never have a body (RFC 9110, section 6.4.1).
[[nodiscard]] bool is_bodiless(int status);

/// Status line and headers, with the empty line. Framing headers that a handler set are ignored;
/// control bytes in its values become spaces, so that no value can begin a header of its own.
[[nodiscard]] std::string to_head(int status, const Headers& headers, const ReplyFrame& frame);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
[[nodiscard]] std::string to_http_date(Time time);

}  // namespace flashpods::http
