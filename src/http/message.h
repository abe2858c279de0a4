#pragma once
// HTTP as plain values. No Beast type leaves this folder.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "async/awaitable.h"
#include "base/error.h"
#include "base/fd.h"

namespace flashpods::http {

/// Header names compare without case (RFC 9110, section 5.1).
struct CaseInsensitiveLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using Headers = std::map<std::string, std::string, CaseInsensitiveLess>;

/// Who is at the other end.
struct Peer {
  std::string address;  ///< "127.0.0.1", without port; empty for a unix socket
  std::uint16_t port = 0;
  std::uint16_t local_port = 0;
};

struct Request {
  std::string method = "GET";
  /// Percent-decoded path segments: "/jobs/a%20b" is {"jobs", "a b"}. A segment may hold any byte,
  /// '/' and NUL included: it is data, never a path.
  std::vector<std::string> path;
  std::map<std::string, std::string> query;  ///< decoded; a repeated name is refused with 400
  Headers headers;
  std::string body;  ///< whole, at most Limits::body bytes
  Peer peer;
  std::string request_id;  ///< ours, or the client's X-Request-Id if it is [A-Za-z0-9._-]{1,64}
  std::map<std::string, std::string> params;  ///< set by the router: {"id", "job_…"}

  /// Header value or empty.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Bytes [offset, offset + length) of a regular file, sent with sendfile(2).
struct FileBody {
  std::shared_ptr<const Fd> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Writes pieces of a body whose length is not known; false once the client is gone.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual Awaitable<bool> write(std::string piece) = 0;
};

/// Called once, after the header went out; the reply ends (chunked) when it returns. Ended early on
/// graceful stop by cancellation.
using StreamBody = std::function<Awaitable<void>(BodyWriter&)>;

struct Response {
  int status = 200;
  Headers headers;
  std::variant<std::string, FileBody, StreamBody> body;
};

using Handler = std::function<Awaitable<Response>(Request)>;

}  // namespace flashpods::http
