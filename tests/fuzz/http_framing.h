#pragma once
// HTTP/1.1 framing read a second time, by the letter of RFC 9112 and nothing more: what the server
// makes of bytes from outside is compared with it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flashpods::fuzz {

/// One message as it stood on the wire.
struct WireMessage {
  std::string_view start_line;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  std::string body;
  std::string_view rest;  ///< what follows it

  /// Value of the first field of this name (compared without case), or nothing.
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const;
};

/// Takes the head (start line, fields, empty line) off `bytes`; nothing if it is not strictly one.
[[nodiscard]] std::optional<WireMessage> read_head(std::string_view bytes);

/// Takes a message and the body that Content-Length or chunks frame. `has_body` false: the reply to
/// a HEAD. Nothing if the bytes are not strictly such a message, whole.
[[nodiscard]] std::optional<WireMessage> read_message(std::string_view bytes, bool has_body = true);

}  // namespace flashpods::fuzz
