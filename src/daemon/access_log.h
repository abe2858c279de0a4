#pragma once

#include <cstdint>

#include "api/bearer.h"
#include "http/message.h"
#include "telemetry/log.h"

namespace flashpods::daemon {

/// How a request ended.
struct Served {
  int status = 0;
  std::uint64_t bytes = 0;
  Milliseconds took{0};
};

/// Writes one line of the access log: event "request", or "request_without_token" at the rate that
/// strangers have. Requests without the token are those that anybody can send: refused ones,
/// broken ones, and those for /health. Of a path at most kMostLoggedPath bytes are shown.
void log_request(Log& log, const api::BearerToken& token, const http::Request& request,
                 Served served);

inline constexpr std::size_t kMostLoggedPath = 200;

}  // namespace flashpods::daemon
