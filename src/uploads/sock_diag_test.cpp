#include "uploads/sock_diag.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "uploads/loopback_peer.h"

namespace flashpods::uploads {
namespace {

namespace ip = boost::asio::ip;
using ip::tcp;

/// The address by which IPv4 reaches an IPv6 socket.
tcp::endpoint mapped(const tcp::endpoint& endpoint) {
  return {ip::make_address_v6(ip::v4_mapped, endpoint.address().to_v4()), endpoint.port()};
}

/// A connection of this process with itself.
struct Connection {
  explicit Connection(const tcp::endpoint& address) : acceptor(context, address), peer(context) {
    peer.connect(acceptor.local_endpoint());
    ours = acceptor.accept();
  }

  boost::asio::io_context context;
  tcp::acceptor acceptor;
  tcp::socket peer;
  tcp::socket ours{context};
};

const tcp::endpoint kIpv4{ip::address_v4::loopback(), 0};
const tcp::endpoint kIpv6{ip::address_v6::loopback(), 0};

TEST(SockDiag, NamesTheOwnerOfEitherEnd) {
  for (const auto& address : {kIpv4, kIpv6}) {
    const Connection connection(address);
    const auto peer = connection.peer.local_endpoint();
    const auto ours = connection.ours.local_endpoint();
    EXPECT_EQ(socket_owner(peer, ours).value(), ::getuid());
    EXPECT_EQ(socket_owner(ours, peer).value(), ::getuid());
    EXPECT_EQ(uid_of_peer(peer, ours), ::getuid()) << "the slow way says the same";
  }
}

TEST(SockDiag, FindsAnIpv4ConnectionOfAnIpv6Socket) {
  boost::asio::io_context context;
  tcp::acceptor acceptor(context, kIpv4);
  tcp::socket peer(context, tcp::v6());
  peer.connect(mapped(acceptor.local_endpoint()));
  const auto ours = acceptor.accept();
  const auto from = ours.remote_endpoint();
  EXPECT_EQ(socket_owner(from, ours.local_endpoint()).value(), ::getuid());
  EXPECT_EQ(uid_of_peer(from, ours.local_endpoint()), ::getuid());
}

TEST(SockDiag, FindsAListener) {
  const Connection connection(kIpv4);
  EXPECT_EQ(socket_owner(connection.acceptor.local_endpoint(), tcp::endpoint(tcp::v4(), 0)).value(),
            ::getuid());
}

TEST(SockDiag, AnotherConnectionsOwnerIsNotTheAnswer) {
  const Connection connection(kIpv4);
  const auto listener = connection.acceptor.local_endpoint();
  const tcp::endpoint nobody(listener.address(), 1);
  EXPECT_FALSE(socket_owner(nobody, listener).value());
  EXPECT_FALSE(socket_owner(listener, nobody).value()) << "the listener is not the connection";
}

TEST(SockDiag, WhoClosedOwnsNothing) {
  Connection connection(kIpv4);
  const auto peer = connection.peer.local_endpoint();
  connection.peer.close();
  EXPECT_FALSE(socket_owner(peer, connection.ours.local_endpoint()).value());
  EXPECT_FALSE(uid_of_peer(peer, connection.ours.local_endpoint()));
}

}  // namespace
}  // namespace flashpods::uploads
