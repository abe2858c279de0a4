#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/generic/stream_protocol.hpp>

#include "async/awaitable.h"
#include "base/clock.h"
#include "http/deadline.h"

namespace flashpods::http {

/// One accepted connection: the socket, what was read ahead of it, and the deadline of whatever it
/// waits for. Calls go to the kernel first and wait only if they would block, so that a small
/// request and its reply cost no turn of the loop beyond the one that brought the request.
/// A cancelled caller resumes with operation_aborted at its next wait.
class Wire {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Pieces = std::array<std::string_view, 3>;
  using Moment = std::chrono::steady_clock::time_point;
  enum class Arrival { kData, kClosed, kTimedOut };

  explicit Wire(Socket socket);

  /// Bytes that arrived and were not yet used. The reader erases what it used.
  [[nodiscard]] std::string& input() { return input_; }

  /// From now on, waiting for input ends with kTimedOut after `limit` in all.
  void expect_input_within(Milliseconds limit) { deadline_.arm(limit); }
  void expect_nothing() { deadline_.disarm(); }

  /// Waits until there is something to read; holds no buffer meanwhile.
  Awaitable<Arrival> wait_readable();
  /// Appends at least one byte to input().
  Awaitable<Arrival> read_more();

  /// Bytes a second that the peer of a reply must take.
  static constexpr std::size_t kLeastRate = 1024;
  /// Over each such period while the reply waits for its peer; else it is given up. What counts is
  /// what leaves the kernel's buffer: with megabytes in it a slow peer makes room for more only
  /// after minutes (tcp(7), tcp_wmem).
  void set_write_progress(Milliseconds limit) { write_progress_ = limit; }
  /// Since when no byte of a reply could be sent, because the peer reads none; nothing if it does.
  [[nodiscard]] std::optional<Moment> blocked_since() const { return blocked_since_; }
  /// All of `pieces`; `more` says that further bytes follow at once (MSG_MORE). False: peer gone.
  Awaitable<bool> send(Pieces pieces, bool more = false);
  /// Bytes [offset, offset + length) of `file` by sendfile(2). False: peer gone or file too short.
  Awaitable<bool> send_file(int file, std::uint64_t offset, std::uint64_t length);

  /// Calls `gone` once if the peer closes its side or resets, until watching ends.
  void watch(std::function<void()> gone);
  void end_watch();

  /// Ends our side, then reads and drops what still comes for at most `limit`: a close with unread
  /// bytes would be a reset, which takes the reply from the peer's hands (RFC 9112, section 9.6).
  Awaitable<void> linger(Milliseconds limit);

 private:
  void expire();
  [[nodiscard]] bool peer_takes_enough();
  [[nodiscard]] std::size_t unsent();
  Awaitable<bool> wait_writable();
  Awaitable<Arrival> wait_for_input();

  Socket socket_;
  Deadline deadline_;
  Milliseconds write_progress_{30'000};
  std::optional<Moment> blocked_since_;
  std::size_t unsent_ = 0;  ///< when the present period of write_progress_ began
  std::string input_;
  std::shared_ptr<std::function<void()>> watcher_;
};

}  // namespace flashpods::http
