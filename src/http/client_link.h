#pragma once

#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "async/awaitable.h"
#include "http/client.h"
#include "http/deadline.h"

namespace flashpods::http {

/// The client's end of one connection, with the bytes read ahead. POSIX and Asio only. Waits end
/// early when the deadline passes; a caller that is cancelled gets operation_aborted thrown.
class ClientLink {
 public:
  explicit ClientLink(Executor executor);

  /// Tries each address of the host in turn. The error of the last one, or timed_out.
  Awaitable<boost::system::error_code> connect(Origin origin, Milliseconds limit);

  /// From now on, everything that waits ends with timed_out after `limit`.
  void expect_within(Milliseconds limit) { deadline_.arm(limit); }
  void expect_nothing() { deadline_.cancel(); }

  /// Both pieces, whole.
  Awaitable<boost::system::error_code> send(std::string_view head, std::string_view body);
  /// Appends at least one byte to input(); eof if the server closed.
  Awaitable<boost::system::error_code> read_more();
  [[nodiscard]] std::string& input() { return input_; }

  [[nodiscard]] Executor executor() { return socket_.get_executor(); }

 private:
  boost::system::error_code settle(boost::system::error_code error) const;
  Awaitable<boost::system::error_code> try_one(boost::asio::ip::tcp::endpoint endpoint);

  boost::asio::ip::tcp::socket socket_;
  boost::asio::ip::tcp::resolver resolver_;
  Deadline deadline_;
  std::string input_;
};

}  // namespace flashpods::http
