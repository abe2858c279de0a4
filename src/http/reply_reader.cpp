#include "http/reply_reader.h"

#include <utility>

#include <boost/asio/error.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

namespace flashpods::http {

namespace beast_http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::uint32_t kHeaderLimit = 64 * 1024;

/// The body's latest bytes. Unlike Beast's string_body it reserves nothing for a length that the
/// server only claims.
struct PieceBody {
  using value_type = std::string;
  struct reader {
    template <bool kRequest, class Fields>
    reader(beast_http::header<kRequest, Fields>&, value_type& body) : bytes(body) {}
    void init(const boost::optional<std::uint64_t>&, error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      const std::size_t before = bytes.size();
      for (const auto part : boost::beast::buffers_range_ref(buffers))
        bytes.append(static_cast<const char*>(part.data()), part.size());
      return bytes.size() - before;
    }
    void finish(error_code& error) { error = {}; }
    value_type& bytes;
  };
};

using Parser = beast_http::response_parser<PieceBody>;

/// One reply on its way in.
class Reader {
 public:
  Reader(ClientLink& link, const Origin& origin, ReplyPlan plan)
      : link_(link), origin_(origin), plan_(plan) {}

  Awaitable<Reply> read() {
    do begin_message();
    while (co_await read_message() && is_interim());
    if (parser_->is_done())
      reply_.reusable = !reply_.error && parser_->keep_alive() && link_.input().empty();
    co_return std::move(reply_);
  }

 private:
  void begin_message() {
    parser_.emplace();
    parser_->header_limit(kHeaderLimit);
    parser_->body_limit(boost::none);
    parser_->eager(true);
    parser_->skip(plan_.head_only);
    reply_.response = ClientResponse{};
    header_taken_ = false;
  }

  [[nodiscard]] bool is_interim() const { return reply_.response.status / 100 == 1; }

  bool give_up(std::string code, std::string what) {
    reply_.error = Error{ErrorKind::kUnavailable, std::move(code), origin_.to_string() + what};
    return false;
  }

  Awaitable<bool> read_message() {
    while (!parser_->is_done()) {
      if (!link_.input().empty() && !take_input()) co_return false;
      if (!parser_->is_done() && !co_await read_more()) co_return false;
    }
    co_return take_body();
  }

  Awaitable<bool> read_more() {
    if (streams()) link_.expect_within(plan_.timeout);
    const error_code error = co_await link_.read_more();
    if (!error) {
      reply_.any_byte = true;
      co_return true;
    }
    if (error == boost::asio::error::timed_out) {
      reply_.timed_out = true;
      reply_.error =
          Error{ErrorKind::kTimeout, "timeout",
                origin_.to_string() + " did not answer in time; it may be busy: try again"};
      co_return false;
    }
    co_return take_end(error);
  }

  /// The server closed: the end of a body without length, else of a reply that is not whole.
  bool take_end(error_code error) {
    error_code partial = beast_http::error::partial_message;
    if (error == boost::asio::error::eof && parser_->got_some()) parser_->put_eof(partial);
    if (!partial) return true;
    return give_up("connection_lost", " closed the connection before its reply was whole (" +
                                          error.message() +
                                          "); see whether flashpodsd still runs, then try again");
  }

  bool take_input() {
    std::string& input = link_.input();
    error_code error;
    const std::size_t used = parser_->put(boost::asio::buffer(input), error);
    input.erase(0, used);
    if (error && error != beast_http::error::need_more)
      return give_up("bad_reply", " gave a reply that is no HTTP (" + error.message() +
                                      "); check the address and port");
    if (parser_->is_header_done() && !header_taken_) take_header();
    return take_body();
  }

  void take_header() {
    header_taken_ = true;
    const auto& message = parser_->get();
    reply_.response.status = static_cast<int>(message.result_int());
    for (const auto& field : message) {
      const auto [at, is_new] =
          reply_.response.headers.try_emplace(std::string(field.name_string()), field.value());
      if (!is_new) at->second.append(", ").append(field.value());
    }
  }

  [[nodiscard]] bool streams() const {
    const int status = reply_.response.status;
    return plan_.on_piece != nullptr && (status == 200 || status == 206);
  }

  bool take_body() {
    std::string& piece = parser_->get().body();
    if (streams()) {
      const bool go_on = piece.empty() || (*plan_.on_piece)(piece);
      piece.clear();
      return go_on;
    }
    reply_.response.body += piece;
    piece.clear();
    if (reply_.response.body.size() <= plan_.max_body) return true;
    return give_up("reply_too_large", " gave a reply of more than " +
                                          std::to_string(plan_.max_body) + " bytes; ask for less");
  }

  ClientLink& link_;
  const Origin& origin_;
  ReplyPlan plan_;
  std::optional<Parser> parser_;
  Reply reply_;
  bool header_taken_ = false;
};

}  // namespace

Awaitable<Reply> read_reply(ClientLink& link, const Origin& origin, ReplyPlan plan) {
  Reader reader(link, origin, plan);
  co_return co_await reader.read();
}

}  // namespace flashpods::http
