#include "fuzz/http_framing.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "http/message.h"

namespace flashpods::fuzz {

namespace {

constexpr std::string_view kCrlf = "\r\n";

bool same_name(std::string_view a, std::string_view b) {
  const http::CaseInsensitiveLess less;
  return !less(a, b) && !less(b, a);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A line without its CRLF and without a CR or LF of its own.
std::optional<std::string_view> take_line(std::string_view& bytes) {
  const auto end = bytes.find(kCrlf);
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = bytes.substr(0, end);
  if (line.find_first_of(kCrlf) != std::string_view::npos) return std::nullopt;
  bytes.remove_prefix(end + kCrlf.size());
  return line;
}

std::optional<std::uint64_t> number(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || error != std::errc{} || at != end) return std::nullopt;
  return value;
}

bool take_bytes(std::string_view& bytes, std::uint64_t count, std::string& body) {
  if (bytes.size() < count) return false;
  body += bytes.substr(0, count);
  bytes.remove_prefix(count);
  return true;
}

/// RFC 9112, section 7.1.
bool take_chunks(std::string_view& bytes, std::string& body) {
  for (;;) {
    const auto line = take_line(bytes);
    if (!line) return false;
    const auto size = number(trim(line->substr(0, line->find(';'))), 16);
    if (!size) return false;
    if (*size == 0) break;
    if (!take_bytes(bytes, *size, body) || !bytes.starts_with(kCrlf)) return false;
    bytes.remove_prefix(kCrlf.size());
  }
  for (auto trailer = take_line(bytes); trailer; trailer = take_line(bytes))
    if (trailer->empty()) return true;
  return false;
}

}  // namespace

std::optional<std::string_view> WireMessage::field(std::string_view name) const {
  const auto found =
      std::ranges::find_if(fields, [&](const auto& one) { return same_name(one.first, name); });
  if (found == fields.end()) return std::nullopt;
  return found->second;
}

std::optional<WireMessage> read_head(std::string_view bytes) {
  WireMessage message;
  const auto start = take_line(bytes);
  if (!start) return std::nullopt;
  message.start_line = *start;
  for (auto line = take_line(bytes); line; line = take_line(bytes)) {
    message.rest = bytes;
    if (line->empty()) return message;
    const auto colon = line->find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    const auto name = line->substr(0, colon);
    if (name.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
    message.fields.emplace_back(name, trim(line->substr(colon + 1)));
  }
  return std::nullopt;
}

std::optional<WireMessage> read_message(std::string_view bytes, bool has_body) {
  auto message = read_head(bytes);
  if (!message || !has_body) return message;
  const auto coding = message->field("Transfer-Encoding");
  const auto length = message->field("Content-Length");
  if (coding && length) return std::nullopt;
  bool whole = true;
  if (coding) {
    whole = same_name(*coding, "chunked") && take_chunks(message->rest, message->body);
  } else if (length) {
    const auto size = number(*length, 10);
    whole = size && take_bytes(message->rest, *size, message->body);
  }
  if (!whole) return std::nullopt;
  return message;
}

}  // namespace flashpods::fuzz
