#pragma once
// What a request's header may not be. The parser behind this is lenient where lenience is useful to
// people; two parties that read one header differently are how requests get smuggled (RFC 9112,
// section 11.2), so whatever could be read in two ways is refused here first.

#include <string_view>

#include "base/error.h"

namespace flashpods::http {

/// `head` is everything up to and with the empty line. Refuses (kInvalid "bad_request"): another
/// version than HTTP/1.0 and 1.1, bare CR or LF, control bytes, folded lines, space before the
/// colon, a second Host, Content-Length, Transfer-Encoding, Authorization or other header that has
/// one value, no Host in HTTP/1.1, Content-Length that is no plain number or stands beside
/// Transfer-Encoding, Transfer-Encoding that is not exactly "chunked" or comes with HTTP/1.0,
/// Expect that is not 100-continue.
[[nodiscard]] Result<void> check_request_head(std::string_view head);

}  // namespace flashpods::http
