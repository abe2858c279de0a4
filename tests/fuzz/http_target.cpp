// Request targets, percent-encoding and server addresses.

#include "fuzz/target.h"
#include "http/client.h"
#include "http/percent.h"
#include "http/target.h"

namespace flashpods {
namespace {

using fuzz::require;

std::string print(const http::Target& target) {
  std::string text;
  for (const auto& segment : target.path) text += '/' + http::encode_segment(segment);
  if (target.path.empty()) text = "/";
  char mark = '?';
  for (const auto& [name, value] : target.query) {
    text += mark + http::encode_segment(name) + '=' + http::encode_segment(value);
    mark = '&';
  }
  return text;
}

FUZZ_TARGET(http_target) {
  const auto encoded = http::encode_segment(input);
  require(encoded.find_first_of("/?#& \r\n") == std::string::npos, "an encoded segment is one");
  require(http::percent_decode(encoded) == input, "decoding undoes encoding");
  require(http::percent_decode(encoded, true) == input, "in queries too");
  if (const auto decoded = http::percent_decode(input))
    require(decoded->size() <= input.size(), "decoding makes nothing longer");

  if (const auto target = http::parse_target(input)) {
    const auto again = http::parse_target(print(*target));
    require(again.has_value(), "a printed target is accepted");
    require(again->path == target->path, "its path is the same");
    require(again->query == target->query, "its query is the same");
  }
  if (const auto origin = http::parse_origin(input)) {
    const auto again = http::parse_origin(origin->to_string());
    require(again.has_value(), "a printed address is accepted");
    require(again->host == origin->host && again->port == origin->port, "and is the same");
  }
}

}  // namespace
}  // namespace flashpods
