#include "api/error_reply.h"

#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace flashpods::api {

namespace {

using nlohmann::json;

/// Seconds. Resources are often free a moment after a job's end, and a client that asks in vain
/// waits longer each time by itself.
constexpr const char* kRetryAfter = "1";

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return 400;
    case ErrorKind::kUnauthorized:
      return 401;
    case ErrorKind::kForbidden:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kMethodNotAllowed:
      return 405;
    case ErrorKind::kTimeout:
      return 408;
    case ErrorKind::kConflict:
      return 409;
    case ErrorKind::kGone:
      return 410;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kUnsupportedMediaType:
      return 415;
    case ErrorKind::kRangeNotSatisfiable:
      return 416;
    case ErrorKind::kExhausted:
      return 429;
    case ErrorKind::kHeaderTooLarge:
      return 431;
    case ErrorKind::kUnavailable:
      return 503;
    case ErrorKind::kInsufficientStorage:
      return 507;
    case ErrorKind::kInternal:
      return 500;
  }
  return 500;
}

std::string joined(const json& methods) {
  std::string text;
  for (const auto& method : methods) {
    if (!text.empty()) text += ", ";
    text += method.get<std::string>();
  }
  return text;
}

void add_headers(http::Response& reply, const Error& error, const json& details) {
  if (error.kind == ErrorKind::kUnauthorized) {
    reply.headers["WWW-Authenticate"] = "Bearer realm=\"flashpods\"";
  }
  if (error.kind == ErrorKind::kMethodNotAllowed && details.contains("allow")) {
    reply.headers["Allow"] = joined(details["allow"]);
  }
  const bool worth_waiting =
      error.kind == ErrorKind::kExhausted && !details.value("never_fits", false);
  if (worth_waiting) reply.headers["Retry-After"] = kRetryAfter;
}

}  // namespace

http::Response error_reply(const Error& error, const std::string& request_id) {
  json body{{"error", error.code}, {"message", error.message}};
  const json details = error.details ? *error.details : json::object();
  body.update(details);
  if (error.kind == ErrorKind::kInternal) body["request_id"] = request_id;
  http::Response reply;
  reply.status = status_of(error.kind);
  reply.headers["Content-Type"] = "application/json";
  add_headers(reply, error, details);
  reply.body = dump_json(body) + "\n";
  return reply;
}

}  // namespace flashpods::api
