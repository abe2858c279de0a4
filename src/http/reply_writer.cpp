#include "http/reply_writer.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <variant>

namespace flashpods::http {

namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string chunk_line(std::size_t size) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  return std::string(digits.data(), end) + "\r\n";
}

/// Pieces as chunks (RFC 9112, section 7.1), or as they are for HTTP/1.0.
class StreamWriter final : public BodyWriter {
 public:
  StreamWriter(Wire& wire, bool chunked, std::uint64_t& bytes)
      : wire_(wire), chunked_(chunked), bytes_(bytes) {}

  Awaitable<bool> write(std::string piece) override {
    if (piece.empty() || !alive_) co_return alive_;  // an empty chunk would end the body
    const std::string line = chunked_ ? chunk_line(piece.size()) : std::string();
    const Wire::Pieces pieces{line, piece, chunked_ ? "\r\n" : ""};
    alive_ = co_await wire_.send(pieces);
    if (alive_) bytes_ += piece.size();
    co_return alive_;
  }

  [[nodiscard]] bool alive() const { return alive_; }

 private:
  Wire& wire_;
  bool chunked_;
  std::uint64_t& bytes_;
  bool alive_ = true;
};

}  // namespace

ReplyWriter::ReplyWriter(Wire& wire, ReplyManner manner) : wire_(wire), manner_(manner) {}

Awaitable<bool> ReplyWriter::write(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body))
    co_return co_await write_text(response, *text);
  if (const auto* file = std::get_if<FileBody>(&response.body))
    co_return co_await write_file(response, *file);
  co_return co_await write_stream(response, std::get<StreamBody>(response.body));
}

std::string ReplyWriter::head(const Response& response, ReplyFrame frame) const {
  if (is_bodiless(response.status)) frame = ReplyFrame{};
  frame.close = manner_.close;
  frame.request_id = manner_.request_id;
  frame.date = manner_.date;
  return to_head(response.status, response.headers, frame);
}

Awaitable<bool> ReplyWriter::write_text(const Response& response, std::string_view body) {
  const bool silent = manner_.head_only || is_bodiless(response.status);
  const std::string header = head(response, ReplyFrame{.length = body.size()});
  const Wire::Pieces pieces{header, silent ? std::string_view() : body, {}};
  const bool sent = co_await wire_.send(pieces);
  if (sent && !silent) bytes_ = body.size();
  co_return sent;
}

Awaitable<bool> ReplyWriter::write_file(const Response& response, const FileBody& body) {
  const bool silent = manner_.head_only || is_bodiless(response.status) || body.length == 0;
  const std::string header = head(response, ReplyFrame{.length = body.length});
  const Wire::Pieces pieces{header, {}, {}};
  if (!co_await wire_.send(pieces, !silent)) co_return false;
  if (silent) co_return true;
  const bool sent =
      body.file && co_await wire_.send_file(body.file->get(), body.offset, body.length);
  if (sent) bytes_ = body.length;
  co_return sent;
}

Awaitable<bool> ReplyWriter::write_stream(const Response& response, const StreamBody& body) {
  const bool chunked = !manner_.http_1_0;
  const std::string header = head(response, ReplyFrame{.chunked = chunked});
  const Wire::Pieces pieces{header, {}, {}};
  if (!co_await wire_.send(pieces)) co_return false;
  if (manner_.head_only || is_bodiless(response.status)) co_return true;
  StreamWriter writer(wire_, chunked, bytes_);
  Awaitable<void> running = body(writer);
  co_await std::move(running);
  const Wire::Pieces last{chunked ? kLastChunk : std::string_view(), {}, {}};
  co_return writer.alive() && co_await wire_.send(last);
}

}  // namespace flashpods::http
