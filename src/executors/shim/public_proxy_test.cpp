#include "executors/shim/public_proxy.h"

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

TEST(ParseConnect, ReadsHostAndPort) {
  const auto target = parse_connect("CONNECT Quay.IO:443 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(target, (TunnelTarget{"quay.io", "443"}));
  EXPECT_EQ(parse_connect("CONNECT [2a00::1]:5000 HTTP/1.0\r\n\r\n"),
            (TunnelTarget{"2a00::1", "5000"}));
}

TEST(ParseConnect, RefusesEverythingElse) {
  for (const char* head :
       {"", "GET http://10.0.0.1/ HTTP/1.1\r\n\r\n", "CONNECT quay.io HTTP/1.1\r\n\r\n",
        "CONNECT quay.io:443\r\n\r\n", "CONNECT :443 HTTP/1.1\r\n\r\n",
        "CONNECT quay.io: HTTP/1.1\r\n\r\n", "CONNECT quay.io:http HTTP/1.1\r\n\r\n",
        "CONNECT quay.io:443443 HTTP/1.1\r\n\r\n", "CONNECT quay.io:443 SPDY\r\n\r\n"}) {
    EXPECT_FALSE(parse_connect(head)) << head;
  }
}

/// A TCP socket that listens on a free port of the loopback.
struct Listener {
  Listener() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket.get(), any, size), 0);
    EXPECT_EQ(::listen(socket.get(), 16), 0);
    EXPECT_EQ(::getsockname(socket.get(), any, &size), 0);
    port = ntohs(address.sin_port);
  }
  [[nodiscard]] Fd connect() const {
    Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return client;
  }
  [[nodiscard]] bool was_connected_to() const {
    pollfd entry{socket.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
  }
  Fd socket;
  std::uint16_t port = 0;
};

struct PublicProxyTest : testing::Test {
  /// Served until the test program ends: `allowed` and the listener stay for as long.
  static const Listener& proxy_that_allows(const std::string& target) {
    auto* const proxy = new Listener;  // NOLINT(cppcoreguidelines-owning-memory)
    auto* const allowed = new std::vector<std::string>{target};  // NOLINT(*-owning-memory)
    std::thread([proxy, allowed] { serve_public_proxy(proxy->socket, *allowed); }).detach();
    return *proxy;
  }
  static std::string read_from(const Fd& socket) {
    std::array<char, 1024> piece{};
    const auto size = ::recv(socket.get(), piece.data(), piece.size(), 0);
    return size > 0 ? std::string(piece.data(), static_cast<std::size_t>(size)) : std::string();
  }
  static Fd ask(const Listener& proxy, const std::string& target) {
    auto client = proxy.connect();
    const auto head = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n";
    EXPECT_GT(::send(client.get(), head.data(), head.size(), 0), 0);
    return client;
  }
};

TEST_F(PublicProxyTest, NobodyOnAPrivateNetworkIsConnectedTo) {
  const Listener inside;
  const auto& proxy = proxy_that_allows("none:1");
  const auto port = ':' + std::to_string(inside.port);
  for (const char* host : {"127.0.0.1", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]", "0",
                           "0x7f.1", "2130706433", "127.1"}) {
    EXPECT_TRUE(read_from(ask(proxy, host + port)).starts_with("HTTP/1.1 502 ")) << host;
  }
  EXPECT_FALSE(inside.was_connected_to());
}

TEST_F(PublicProxyTest, OpenAndClosedPortsGetTheSameReply) {
  Listener closed;
  closed.socket.reset();
  const Listener open;
  const auto& proxy = proxy_that_allows("127.0.0.1:" + std::to_string(closed.port));
  const auto of_closed = read_from(ask(proxy, "127.0.0.1:" + std::to_string(closed.port)));
  const auto of_open = read_from(ask(proxy, "127.0.0.1:" + std::to_string(open.port)));
  const auto of_no_name = read_from(ask(proxy, "no-such-name.invalid:443"));
  EXPECT_FALSE(of_closed.empty());
  EXPECT_EQ(of_closed, of_open);
  EXPECT_EQ(of_closed, of_no_name);
}

TEST_F(PublicProxyTest, AnAllowedTargetIsReached) {
  const Listener registry;
  const auto target = "127.0.0.1:" + std::to_string(registry.port);
  const auto client = ask(proxy_that_allows(target), target);
  EXPECT_TRUE(read_from(client).starts_with("HTTP/1.1 200 "));
  const Fd server(::accept4(registry.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(::send(client.get(), "ping", 4, 0), 4);
  EXPECT_EQ(read_from(server), "ping");
  EXPECT_EQ(::send(server.get(), "pong", 4, 0), 4);
  EXPECT_EQ(read_from(client), "pong");
}

}  // namespace
}  // namespace flashpods::shim
