#include "http/client.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_server.h"

namespace flashpods::http {
namespace {

using testing::HasSubstr;

Awaitable<void> three_pieces(BodyWriter& writer) {
  for (const char* piece : {"one,", "two,", "three"}) co_await writer.write(piece);
}

Awaitable<Response> site(Request request) {
  const std::string place = request.path.empty() ? "" : request.path[0];
  if (place == "stream") co_return Response{200, {}, StreamBody(three_pieces)};
  if (place == "missing") co_return Response{404, {{"X-Why", "gone"}}, std::string("not here")};
  if (place == "bye") co_return Response{200, {{"Connection", "close"}}, std::string("bye")};
  co_return Response{200, {}, request.method + " " + place + " " + request.body};
}

/// Takes one connection after the other and plays a fixed part on each.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> replies) {
    const timeval patience{10, 0};  // a client that does not come back fails, not hangs, the test
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    thread_ = std::thread([this, replies = std::move(replies)] { play(replies); });
  }
  ~ScriptedServer() { thread_.join(); }

  std::uint16_t port = 0;

 private:
  /// Reads one request, answers with the script's next line, closes.
  void play(const std::vector<std::string>& replies) const {
    for (const std::string& reply : replies) {
      const Fd connection(::accept(listener_.get(), nullptr, nullptr));
      std::array<char, 4096> request{};
      if (::recv(connection.get(), request.data(), request.size(), 0) < 0) return;
      ::send(connection.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    }
  }

  Fd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::thread thread_;
};

struct ClientTest : testing::Test {
  Result<ClientResponse> run(Awaitable<Result<ClientResponse>> exchange) {
    Result<ClientResponse> result;
    boost::asio::co_spawn(io, std::move(exchange),
                          [&](std::exception_ptr thrown, Result<ClientResponse> given) {
                            if (thrown) std::rethrow_exception(thrown);
                            result = std::move(given);
                          });
    io.run();
    io.restart();
    return result;
  }

  Result<ClientResponse> ask(Client& client, std::string method, std::string target,
                             std::string body = "") {
    ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.timeout = timeout;
    return run(client.send(std::move(request)));
  }

  static ClientRequest get(std::string target) {
    ClientRequest request;
    request.target = std::move(target);
    return request;
  }

  static Client client_of(std::uint16_t port, std::size_t max_body = 1024 * 1024) {
    return Client(Origin{"http", "127.0.0.1", port}, max_body);
  }

  boost::asio::io_context io{1};
  TestServer server{test_options(site)};
  Milliseconds timeout{20'000};
};

TEST_F(ClientTest, ExchangesGoOverOneKeptConnection) {
  Client client = client_of(server.port());
  EXPECT_EQ(ask(client, "GET", "/a")->body, "GET a ");
  EXPECT_EQ(ask(client, "POST", "/b", "data")->body, "POST b data");
  EXPECT_EQ(ask(client, "HEAD", "/c")->body, "");
  const auto missing = ask(client, "DELETE", "/missing");
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->headers.at("x-why"), "gone");
  EXPECT_EQ(ask(client, "GET", "/stream")->body, "one,two,three");
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(ClientTest, AClosedConnectionIsReplaced) {
  Client client = client_of(server.port());
  EXPECT_EQ(ask(client, "GET", "/bye")->body, "bye");
  EXPECT_EQ(ask(client, "GET", "/a")->body, "GET a ");
}

TEST_F(ClientTest, AStreamComesPieceByPieceAndMayBeStopped) {
  Client client = client_of(server.port(), 5);
  std::string seen;
  const auto keep = [&](std::string_view piece) { return seen += piece, true; };
  EXPECT_EQ(run(client.stream(get("/stream"), keep))->body, "");
  EXPECT_EQ(seen, "one,two,three");
  const auto stop = [&](std::string_view) { return false; };
  EXPECT_EQ(run(client.stream(get("/stream"), stop))->status, 200);
  EXPECT_EQ(ask(client, "GET", "/")->body, "GET  ");
}

TEST_F(ClientTest, ABodyBeyondTheLimitIsRefused) {
  Client client = client_of(server.port(), 5);
  EXPECT_EQ(ask(client, "GET", "/stream").error().code, "reply_too_large");
}

TEST_F(ClientTest, AStaleConnectionCostsOneSilentRetry) {
  const std::string keep = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  ScriptedServer scripted({keep + "ok", keep + "up"});  // closes after each, without saying so
  Client client = client_of(scripted.port);
  EXPECT_EQ(ask(client, "GET", "/")->body, "ok");
  EXPECT_EQ(ask(client, "POST", "/", "x")->body, "up");
}

TEST_F(ClientTest, ARequestOnANewConnectionIsNeverSentTwice) {
  ScriptedServer scripted({""});
  Client client = client_of(scripted.port);
  EXPECT_EQ(ask(client, "GET", "/").error().code, "connection_lost");
}

TEST_F(ClientTest, BrokenAndCutRepliesAreErrors) {
  ScriptedServer scripted({"SSH-2.0-OpenSSH\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                           "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\nx",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                           "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end"});
  Client client = client_of(scripted.port);
  EXPECT_EQ(ask(client, "GET", "/").error().code, "bad_reply");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(client, "GET", "/").error().code, "connection_lost");
  EXPECT_EQ(ask(client, "GET", "/")->body, "to the end");
}

TEST_F(ClientTest, NobodyListeningSaysWhatToCheck) {
  const Fd bound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // bound, never listening
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(bound.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
  ::getsockname(bound.get(), reinterpret_cast<sockaddr*>(&at), &size);
  Client client = client_of(ntohs(at.sin_port));
  const auto reply = ask(client, "GET", "/");
  EXPECT_EQ(reply.error().code, "unreachable");
  EXPECT_EQ(reply.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(reply.error().message, HasSubstr(client.origin().to_string()));
  EXPECT_THAT(reply.error().message, HasSubstr("flashpods up"));
}

Awaitable<Response> never(Request) {
  SystemTimer timer;
  co_await timer.sleep_for(Milliseconds(3'600'000));
  co_return Response{};
}

TEST_F(ClientTest, ASilentServerIsATimeout) {
  TestServer silent(test_options(never));
  Client client = client_of(silent.port());
  timeout = Milliseconds(50);
  EXPECT_EQ(ask(client, "GET", "/").error().code, "timeout");
}

TEST_F(ClientTest, ARequestCannotCarryAnother) {
  Client client = client_of(server.port());
  EXPECT_EQ(ask(client, "GET", "/ HTTP/1.1\r\nX: y").error().code, "invalid_request");
  EXPECT_EQ(ask(client, "GET", "no-slash").error().code, "invalid_request");
  ClientRequest request;
  request.headers["X"] = "a\r\nY: b";
  EXPECT_EQ(run(client.send(request)).error().code, "invalid_request");
}

TEST(OriginTest, TakesHostAndPortOnly) {
  const auto plain = parse_origin("http://127.0.0.1:8080/");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->to_string(), "http://127.0.0.1:8080");
  EXPECT_TRUE(plain->is_loopback());
  EXPECT_EQ(parse_origin("HTTP://Host.Example")->to_string(), "http://host.example:80");
  EXPECT_FALSE(parse_origin("http://10.0.0.1:1")->is_loopback());
  EXPECT_FALSE(parse_origin("http://127.0.0.1.evil.example")->is_loopback());
  EXPECT_EQ(parse_origin("http://[::1]:9")->to_string(), "http://[::1]:9");
  EXPECT_TRUE(parse_origin("http://[::1]")->is_loopback());
}

TEST(OriginTest, RefusesTheRest) {
  for (const char* text : {"",
                           "127.0.0.1:8080",
                           "https://h",
                           "ftp://h",
                           "http://",
                           "http://:80",
                           "http://h:",
                           "http://h:0",
                           "http://h:65536",
                           "http://h:8x",
                           "http://u@h",
                           "http://u:p@h:1",
                           "http://h/a",
                           "http://h?x",
                           "http://h#x",
                           "http://h h",
                           "http://[::1",
                           "http://[host]:1",
                           "http://::1",
                           "http://[::1]x",
                           "http://h:1:2",
                           "http://h\r\n"}) {
    const auto origin = parse_origin(text);
    ASSERT_FALSE(origin) << text;
    EXPECT_EQ(origin.error().code, "invalid_url");
  }
}

}  // namespace
}  // namespace flashpods::http
