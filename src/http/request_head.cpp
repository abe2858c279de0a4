#include "http/request_head.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "http/message.h"

namespace flashpods::http {

namespace {

constexpr std::string_view kCrlf = "\r\n";
/// Headers with one value: a second line of one is a contradiction, not a list.
constexpr std::array<std::string_view, 9> kSingle = {
    "host",          "content-length", "transfer-encoding",
    "authorization", "content-type",   "x-request-id",
    "expect",        "range",          "if-range"};

using Fields = std::map<std::string_view, std::string_view, CaseInsensitiveLess>;

std::unexpected<Error> bad(std::string why) {
  return fail(ErrorKind::kInvalid, "bad_request", "bad request: " + std::move(why));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_token_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}
bool is_value_character(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

bool equal_without_case(std::string_view a, std::string_view b) {
  const CaseInsensitiveLess less;
  return !less(a, b) && !less(b, a);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes the next line off `rest`; lines end with CRLF and hold neither byte of it.
std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.find(kCrlf), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), end + kCrlf.size()));
  return line;
}

/// The version's last digit.
Result<int> check_request_line(std::string_view line) {
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end <= method_end)
    return bad("the request line is not METHOD TARGET HTTP/1.1");
  const auto target = line.substr(method_end + 1, target_end - method_end - 1);
  if (!is_token(line.substr(0, method_end))) return bad("the method is no token");
  if (target.empty() || !std::ranges::all_of(target, is_visible))
    return bad("the target holds a space, a control or a byte that is not ASCII");
  const auto version = line.substr(target_end + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return bad("only HTTP/1.1 and HTTP/1.0 are spoken here");
  return version.back() - '0';
}

Result<void> read_field(std::string_view line, Fields& fields) {
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name))
    return bad("a header line is not NAME: VALUE");
  const auto value = trim(line.substr(colon + 1));
  if (!std::ranges::all_of(value, is_value_character)) return bad("a header holds a control byte");
  const bool is_new = fields.emplace(name, value).second;
  const auto same = [&](std::string_view single) { return equal_without_case(single, name); };
  if (!is_new && std::ranges::any_of(kSingle, same))
    return bad("header " + std::string(name) + " is given twice");
  return {};
}

Result<void> check_framing(const Fields& fields, int minor) {
  const auto length = fields.find("content-length");
  const auto coding = fields.find("transfer-encoding");
  const bool has_length = length != fields.end();
  if (has_length && (length->second.empty() || length->second.size() > 18 ||
                     !std::ranges::all_of(length->second, is_digit)))
    return bad("Content-Length is no number");
  if (coding == fields.end()) return {};
  if (has_length) return bad("Content-Length and Transfer-Encoding exclude each other");
  if (minor == 0) return bad("HTTP/1.0 has no Transfer-Encoding");
  if (!equal_without_case(coding->second, "chunked"))
    return bad("the only Transfer-Encoding taken is chunked");
  return {};
}

Result<void> check_fields(const Fields& fields, int minor) {
  const auto host = fields.find("host");
  if (minor == 1 && host == fields.end()) return bad("HTTP/1.1 asks for a Host header");
  if (host != fields.end() && !std::ranges::all_of(host->second, is_visible))
    return bad("the Host header is no host");
  const auto expect = fields.find("expect");
  if (expect != fields.end() && !equal_without_case(expect->second, "100-continue"))
    return bad("the only expectation known is 100-continue");
  return check_framing(fields, minor);
}

}  // namespace

Result<void> check_request_head(std::string_view head) {
  const auto minor = check_request_line(take_line(head));
  if (!minor) return std::unexpected(minor.error());
  Fields fields;
  for (auto line = take_line(head); !line.empty(); line = take_line(head))
    if (auto read = read_field(line, fields); !read) return read;
  return check_fields(fields, *minor);
}

}  // namespace flashpods::http
