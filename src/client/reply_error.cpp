#include "client/reply_error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/text.h"

namespace flashpods::client {

namespace {

using nlohmann::json;

constexpr std::array kKinds{
    std::pair{400, ErrorKind::kInvalid},
    std::pair{401, ErrorKind::kUnauthorized},
    std::pair{403, ErrorKind::kForbidden},
    std::pair{404, ErrorKind::kNotFound},
    std::pair{405, ErrorKind::kMethodNotAllowed},
    std::pair{408, ErrorKind::kTimeout},
    std::pair{409, ErrorKind::kConflict},
    std::pair{410, ErrorKind::kGone},
    std::pair{413, ErrorKind::kTooLarge},
    std::pair{415, ErrorKind::kUnsupportedMediaType},
    std::pair{416, ErrorKind::kRangeNotSatisfiable},
    std::pair{429, ErrorKind::kExhausted},
    std::pair{431, ErrorKind::kHeaderTooLarge},
    std::pair{503, ErrorKind::kUnavailable},
    std::pair{507, ErrorKind::kInsufficientStorage},
};

constexpr std::size_t kLongestQuote = 2000;

ErrorKind kind_of(int status) {
  const auto* found = std::ranges::find(kKinds, status, [](const auto& row) { return row.first; });
  return found == kKinds.end() ? ErrorKind::kInternal : found->second;
}

/// Retry-After in seconds (RFC 9110, section 10.2.3; we never send the date form).
void add_retry_after(const http::ClientResponse& reply, json& details) {
  const auto found = reply.headers.find("Retry-After");
  if (found == reply.headers.end()) return;
  unsigned seconds = 0;
  const auto& text = found->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec == std::errc{}) details["retry_after_seconds"] = seconds;
}

std::string text_of(const json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string advice(int status) {
  if (status != 401) return {};
  return "; the token is not this server's: `flashpods up` prints where the right one is, or set "
         "FLASHPODS_API_TOKEN";
}

}  // namespace

Error to_error(const http::ClientResponse& reply, const http::Origin& origin) {
  auto body = parse_json(reply.body);
  json details = body && body->is_object() ? std::move(*body) : json::object();
  Error error{kind_of(reply.status), text_of(details, "error"), text_of(details, "message")};
  if (error.code.empty()) {
    error.code = "unexpected_reply";
    error.message = origin.to_string() + " answered " + std::to_string(reply.status) +
                    " without saying why; is FLASHPODS_URL a Flashpods server?";
  }
  error.message = to_one_line(error.message, 2000) + advice(reply.status);
  details["status"] = reply.status;
  add_retry_after(reply, details);
  error.details = std::make_shared<const json>(std::move(details));
  return error;
}

Error with_advice(Error error, const http::Origin& origin) {
  if (error.code != "unreachable") return error;
  error.message += origin.is_loopback()
                       ? "; run `flashpods up` to start the server on this machine"
                       : "; check that the host is up and the WireGuard connection stands";
  return error;
}

Error quoting(Error error, std::string_view words) {
  json details = error.details ? *error.details : json::object();
  details["details"] = to_one_line(words, kLongestQuote);
  error.details = std::make_shared<const json>(std::move(details));
  return error;
}

std::string quoted_words(const Error& error) {
  if (!error.details || !error.details->is_object()) return {};
  return to_one_line(text_of(*error.details, "details"), kLongestQuote);
}

bool is_transient(const Error& error) {
  return error.kind == ErrorKind::kTimeout ||
         (error.kind == ErrorKind::kUnavailable && error.code != "not_configured");
}

}  // namespace flashpods::client
