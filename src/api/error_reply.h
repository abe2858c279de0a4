#pragma once

#include <string>

#include "base/error.h"
#include "http/message.h"

namespace flashpods::api {

/// The one boundary where an Error becomes a reply: status, {"error", "message", …details},
/// WWW-Authenticate with 401, Allow with 405, Retry-After with 429 unless it never fits.
[[nodiscard]] http::Response error_reply(const Error& error, const std::string& request_id);

}  // namespace flashpods::api
