#include "uploads/rsync_refusal.h"

#include <array>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "async/with_timeout.h"

namespace flashpods::uploads {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr Milliseconds kRefusal{5000};

/// Reads on until the client closes: closing first would reset the connection, and take our words
/// back before they are read.
Awaitable<void> drain(std::shared_ptr<tcp::socket> socket) {
  std::array<char, 512> ignored{};
  for (;;) {
    const auto [error, got] = co_await socket->async_read_some(asio::buffer(ignored), kTuple);
    if (error) co_return;
  }
}

}  // namespace

/// rsync clients show what follows "@ERROR: " (after the daemon's greeting).
Awaitable<void> refuse_client(std::shared_ptr<tcp::socket> socket, Timer& timer,
                              std::string words) {
  const std::string text = "@RSYNCD: 31.0\n@ERROR: " + words + "\n";
  co_await asio::async_write(*socket, asio::buffer(text), kTuple);
  boost::system::error_code ignored;
  socket->shutdown(tcp::socket::shutdown_send, ignored);
  co_await with_timeout(timer, kRefusal, drain(socket));
}

}  // namespace flashpods::uploads
