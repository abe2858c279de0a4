#include "http/wire.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>

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

}  // namespace
}  // namespace flashpods::http
