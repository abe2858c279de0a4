#include "http/wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "base/fd.h"

namespace flashpods::http {
namespace {

// Each turn of the loop is one handler: a connection that spins until its time is up runs
// thousands.
TEST(Wire, LingerEndsWithThePeer) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()), 0);
  const Fd peer(pair[0]);
  boost::asio::io_context io{1};
  Wire wire{Wire::Socket{io, boost::asio::generic::stream_protocol(AF_UNIX, 0), pair[1]}};
  ASSERT_EQ(::shutdown(peer.get(), SHUT_WR), 0);
  boost::asio::co_spawn(io, wire.linger(Milliseconds{200}), boost::asio::detached);
  errno = EAGAIN;  // as an earlier read left it
  EXPECT_LT(io.run(), 20U);
}

Awaitable<void> send_into(Wire& wire, const std::string& text, bool& sent) {
  const Wire::Pieces pieces{text, {}, {}};
  sent = co_await wire.send(pieces);
}

/// Reads a piece at a time and rests after each.
Awaitable<void> read_slowly(int socket, std::size_t& got, std::size_t all) {
  std::array<char, 32 * 1024> piece{};
  boost::asio::steady_timer rest(co_await boost::asio::this_coro::executor);
  while (got < all) {
    got +=
        static_cast<std::size_t>(std::max<ssize_t>(0, ::read(socket, piece.data(), piece.size())));
    rest.expires_after(Milliseconds{20});
    co_await rest.async_wait(boost::asio::use_awaitable);
  }
}

// The socket is writable again only when most of its buffer is empty, long after a period is over.
// Both wait in one loop, so that the reader has its turn in each period however slow the host is.
TEST(Wire, APeerThatTakesALittleInEachPeriodIsWaitedFor) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()), 0);
  const Fd peer(pair[0]);
  const std::string text(std::size_t{1} << 20, 'x');
  bool sent = false;
  std::size_t got = 0;
  boost::asio::io_context io{1};
  Wire wire{Wire::Socket{io, boost::asio::generic::stream_protocol(AF_UNIX, 0), pair[1]}};
  wire.set_write_progress(Milliseconds{60});
  boost::asio::co_spawn(io, send_into(wire, text, sent), [&](std::exception_ptr) {
    if (!sent) io.stop();
  });
  boost::asio::co_spawn(io, read_slowly(peer.get(), got, text.size()), boost::asio::detached);
  io.run();
  EXPECT_TRUE(sent);
  EXPECT_EQ(got, text.size());
}

}  // namespace
}  // namespace flashpods::http
