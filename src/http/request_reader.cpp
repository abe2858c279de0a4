#include "http/request_reader.h"

#include <cctype>
#include <string>
#include <utility>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/request_head.h"
#include "http/target.h"

namespace flashpods::http {

namespace beast_http = boost::beast::http;
using boost::system::error_code;
using Parser = beast_http::request_parser<beast_http::string_body>;

namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Error timed_out(std::string_view part) {
  return Error{ErrorKind::kTimeout, "request_timeout",
               "the request's " + std::string(part) + " did not arrive in time; send it again"};
}

Error header_too_large(std::size_t limit) {
  return Error{ErrorKind::kHeaderTooLarge, "header_too_large",
               "the request's header is larger than " + std::to_string(limit) + " bytes"};
}

Error to_error(error_code code, const Limits& limits) {
  if (code == beast_http::error::body_limit)
    return Error{ErrorKind::kTooLarge, "body_too_large",
                 "the request's body is larger than " + std::to_string(limits.body) + " bytes"};
  return Error{ErrorKind::kInvalid, "bad_request", "bad request: " + code.message()};
}

/// Empty lines before a request are skipped (RFC 9112, section 2.2).
void skip_empty_lines(std::string& input) {
  std::size_t begin = 0;
  while (input.compare(begin, 2, "\r\n") == 0) begin += 2;
  input.erase(0, begin);
}

bool is_cookie(std::string_view name) {
  const CaseInsensitiveLess less;
  return !less(name, "cookie") && !less("cookie", name);
}

/// Lists keep every line's value (RFC 9110, section 5.3); those that are none were refused before.
void add_header(Headers& headers, std::string name, std::string_view value) {
  const auto [at, is_new] = headers.try_emplace(std::move(name), value);
  if (is_new) return;
  at->second += is_cookie(at->first) ? "; " : ", ";
  at->second += value;
}

/// Whether all of a chunk's header is there: its line, and after the last chunk's the trailer too.
/// The empty line that ends the chunk before may come first (RFC 9112, section 7.1).
bool has_chunk_header(std::string_view input) {
  if (input.starts_with("\r\n")) input.remove_prefix(2);
  const auto end = input.find("\r\n");
  if (end == std::string_view::npos) return false;
  const bool is_last =
      std::isxdigit(static_cast<unsigned char>(input[input.find_first_not_of('0')])) == 0;
  return !is_last || input.find("\r\n\r\n", end) != std::string_view::npos;
}

/// One request on its way in.
class Reader {
 public:
  Reader(Wire& wire, const Limits& limits) : wire_(wire), limits_(limits) {
    parser_.header_limit(static_cast<std::uint32_t>(limits.header) + 1);  // read_head() counts
    parser_.body_limit(limits.body);
    parser_.eager(true);
  }

  Awaitable<Incoming> read() {
    if (co_await read_head() && co_await invite_body() && co_await read_body())
      incoming_.request.body = std::move(parser_.get().body());
    wire_.expect_nothing();
    co_return std::move(incoming_);
  }

 private:
  /// Whatever is wrong with a HEAD, the reply to it has no body (RFC 9110, section 9.3.2).
  bool refuse(Error error) {
    const bool is_head = parser_.is_header_done() ? parser_.get().method() == beast_http::verb::head
                                                  : wire_.input().starts_with("HEAD ");
    if (is_head) incoming_.request.method = "HEAD";
    incoming_.refused = std::move(error);
    return false;
  }

  /// More input, or why there is none.
  Awaitable<bool> read_more(std::string_view part) {
    const Wire::Arrival arrival = co_await wire_.read_more();
    if (arrival == Wire::Arrival::kTimedOut) co_return refuse(timed_out(part));
    incoming_.gone = arrival == Wire::Arrival::kClosed;
    co_return !incoming_.gone;
  }

  Awaitable<bool> read_head() {
    wire_.expect_input_within(limits_.header_timeout);
    std::string& input = wire_.input();
    std::size_t searched = 0;
    while (true) {
      skip_empty_lines(input);
      const auto end = input.find("\r\n\r\n", searched);
      const auto size = end == std::string::npos ? input.size() : end + 4;
      if (size > limits_.header) co_return refuse(header_too_large(limits_.header));
      if (end != std::string::npos) co_return take_head(size);
      searched = input.size() < 3 ? 0 : input.size() - 3;
      if (!co_await read_more("header")) co_return false;
    }
  }

  bool take_head(std::size_t size) {
    const std::string_view head = std::string_view(wire_.input()).substr(0, size);
    if (auto checked = check_request_head(head); !checked) return refuse(checked.error());
    error_code error;
    const std::size_t used = parser_.put(boost::asio::buffer(head), error);
    if (error) return refuse(to_error(error, limits_));
    if (used != size) return refuse(to_error(beast_http::error::bad_field, limits_));
    wire_.input().erase(0, size);
    return understand_head();
  }

  /// Copies the header out now, so that a chunked body's trailer can add nothing to it.
  bool understand_head() {
    const auto& message = parser_.get();
    Request& request = incoming_.request;
    request.method = std::string(message.method_string());
    incoming_.keep_alive = parser_.keep_alive() && message.version() == 11;
    incoming_.http_1_0 = message.version() == 10;
    for (const auto& field : message)
      add_header(request.headers, std::string(field.name_string()), field.value());
    auto target = parse_target(message.target());
    if (!target) return refuse(target.error());
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    return true;
  }

  /// Whoever waits for 100 Continue gets it, unless the body comes already or there is none.
  Awaitable<bool> invite_body() {
    const bool waits = !incoming_.request.header("expect").empty() && !incoming_.http_1_0;
    if (!waits || parser_.is_done() || !wire_.input().empty()) co_return true;
    const Wire::Pieces line{kContinue, {}, {}};
    incoming_.gone = !co_await wire_.send(line);
    co_return !incoming_.gone;
  }

  Awaitable<bool> read_body() {
    wire_.expect_input_within(limits_.body_timeout);
    while (!parser_.is_done()) {
      if (!take_body()) co_return false;
      if (!parser_.is_done() && !co_await read_more("body")) co_return false;
    }
    co_return true;
  }

  /// Feeds the parser what is there, but never more at once than a chunk's header line or the
  /// trailer may take: of one that is longer it takes nothing, however its bytes arrived. Where the
  /// header is all there and the parser still asks for more, it looks for the end of a quoted
  /// extension beyond the line, in what is the chunk's data.
  bool take_body() {
    std::string& input = wire_.input();
    std::size_t taken = 0;
    while (!parser_.is_done() && taken < input.size()) {
      const auto window = std::string_view(input).substr(taken, limits_.header);
      error_code error;
      const std::size_t used = parser_.put(boost::asio::buffer(window), error);
      if (error && error != beast_http::error::need_more) return refuse(to_error(error, limits_));
      if (used == 0 && has_chunk_header(window))
        return refuse(to_error(beast_http::error::bad_chunk_extension, limits_));
      if (used == 0 && window.size() == limits_.header)
        return refuse(header_too_large(limits_.header));
      if (used == 0) break;
      taken += used;
    }
    input.erase(0, taken);
    return true;
  }

  Wire& wire_;
  const Limits& limits_;
  Parser parser_;
  Incoming incoming_;
};

}  // namespace

Awaitable<Incoming> read_request(Wire& wire, const Limits& limits) {
  Reader reader(wire, limits);
  co_return co_await reader.read();
}

}  // namespace flashpods::http
