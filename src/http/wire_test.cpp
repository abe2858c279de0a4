#include "http/wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
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

/// Reads a piece at a time with a pause after each of the first, and then the rest.
std::size_t read_slowly(int socket, int slow_reads, Milliseconds pause) {
  std::array<char, 32 * 1024> piece{};
  std::size_t total = 0;
  for (int i = 0; i < slow_reads; ++i) {
    const ssize_t got = ::read(socket, piece.data(), piece.size());
    total += static_cast<std::size_t>(std::max<ssize_t>(0, got));
    std::this_thread::sleep_for(pause);
  }
  ::fcntl(socket, F_SETFL, 0);
  for (ssize_t got = 1; got > 0; total += static_cast<std::size_t>(got))
    got = ::read(socket, piece.data(), piece.size());
  return total;
}

// The socket is writable again only when most of its buffer is empty, long after a period is over.
TEST(Wire, APeerThatTakesALittleInEachPeriodIsWaitedFor) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()), 0);
  const Fd peer(pair[0]);
  const std::string text(std::size_t{1} << 20, 'x');
  bool sent = false;
  std::size_t got = 0;
  std::thread reader([&] { got = read_slowly(peer.get(), 6, Milliseconds{400}); });
  {
    boost::asio::io_context io{1};
    Wire wire{Wire::Socket{io, boost::asio::generic::stream_protocol(AF_UNIX, 0), pair[1]}};
    wire.set_write_progress(Milliseconds{1'500});
    boost::asio::co_spawn(io, send_into(wire, text, sent), boost::asio::detached);
    io.run();
  }
  reader.join();
  EXPECT_TRUE(sent);
  EXPECT_EQ(got, text.size());
}

}  // namespace
}  // namespace flashpods::http
