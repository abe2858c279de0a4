#pragma once

#include <cstdint>
#include <string_view>

#include "http/message.h"
#include "http/reply_head.h"
#include "http/wire.h"

namespace flashpods::http {

/// How one reply goes out.
struct ReplyManner {
  bool head_only = false;  ///< HEAD: the same header, no body
  bool http_1_0 = false;   ///< knows no chunks: the end of a stream is the end of the connection
  bool close = false;
  std::string_view request_id;
  std::string_view date;
};

/// Writes one reply. `bytes` counts those of the body that were handed to the kernel.
class ReplyWriter {
 public:
  ReplyWriter(Wire& wire, ReplyManner manner);

  /// False: the peer is gone or the body came out short; the connection must end. What a StreamBody
  /// throws passes through, its reply left without the end mark, so that the peer sees the cut.
  Awaitable<bool> write(const Response& response);

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  Awaitable<bool> write_text(const Response& response, std::string_view body);
  Awaitable<bool> write_file(const Response& response, const FileBody& body);
  Awaitable<bool> write_stream(const Response& response, const StreamBody& body);
  [[nodiscard]] std::string head(const Response& response, ReplyFrame frame) const;

  Wire& wire_;
  ReplyManner manner_;
  std::uint64_t bytes_ = 0;
};

}  // namespace flashpods::http
