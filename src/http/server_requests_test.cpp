// What the server takes, what it refuses, and with which words: raw bytes on real sockets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_server.h"

namespace flashpods::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}

std::string post(std::string_view body, std::string_view more = "") {
  return "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view chunks, std::string_view more = "") {
  return "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" + std::string(more) +
         "\r\n" + std::string(chunks);
}

struct ServerRequests : testing::Test {
  TestServer server{test_options(echo)};
};

TEST_F(ServerRequests, AReplyHasItsHeaders) {
  const std::string reply = server.ask(get("/a"));
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(body_of(reply), "GET|a#");
  EXPECT_EQ(header_of(reply, "Content-Length"), "6");
  EXPECT_EQ(header_of(reply, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header_of(reply, "X-Request-Id").size(), 16U);
  EXPECT_THAT(header_of(reply, "Date"), testing::EndsWith(" GMT"));
  EXPECT_EQ(header_of(reply, "Connection"), "");
}

TEST_F(ServerRequests, TheClientsRequestIdIsKeptIfItIsPlain) {
  EXPECT_EQ(header_of(server.ask(get("/", "X-Request-Id: a.B_1-2\r\n")), "X-Request-Id"),
            "a.B_1-2");
  EXPECT_NE(header_of(server.ask(get("/", "X-Request-Id: a b\r\n")), "X-Request-Id"), "a b");
}

TEST_F(ServerRequests, TargetsAreDecoded) {
  EXPECT_EQ(body_of(server.ask(get("/jobs/a%20b%2Fc?x=1%262&y=a+b"))),
            "GET|jobs|a b/c?x=1&2?y=a b#");
  EXPECT_EQ(body_of(server.ask(get("/%00"))), std::string("GET|\0#", 6));
  EXPECT_EQ(body_of(server.ask(get("http://elsewhere/jobs"))), "GET|jobs#");
}

TEST_F(ServerRequests, KeepAliveServesOneAfterTheOther) {
  RawClient client(server.port());
  for (const std::string target : {"/1", "/2", "/3"}) {
    client.send(get(target));
    EXPECT_EQ(body_of(client.read_reply()), "GET|" + target.substr(1) + "#");
  }
}

TEST_F(ServerRequests, PipelinedRequestsAreAnsweredInOrder) {
  RawClient client(server.port());
  client.send(get("/1") + post("two") + chunked("3\r\nthr\r\n2\r\nee\r\n0\r\n\r\n") + get("/4"));
  EXPECT_EQ(body_of(client.read_reply()), "GET|1#");
  EXPECT_EQ(body_of(client.read_reply()), "POST|p#two");
  EXPECT_EQ(body_of(client.read_reply()), "POST|p#three");
  EXPECT_EQ(body_of(client.read_reply()), "GET|4#");
}

TEST_F(ServerRequests, BytesMayComeOneByOne) {
  RawClient client(server.port());
  for (const char byte : chunked("5;x=y;z=\"\\\"\"\r\nhello\r\n0\r\nTrailer: no\r\n\r\n"))
    client.send(std::string_view(&byte, 1));
  EXPECT_EQ(body_of(client.read_reply()), "POST|p#hello");
  client.send(get("/next"));
  EXPECT_EQ(body_of(client.read_reply()), "GET|next#");
}

TEST_F(ServerRequests, HeadIsGetWithoutBody) {
  RawClient client(server.port());
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" + get("/b"));
  const std::string head = client.read_reply(true);
  EXPECT_EQ(header_of(head, "Content-Length"), "7");  // "HEAD|a#"
  EXPECT_EQ(body_of(client.read_reply()), "GET|b#");
}

TEST_F(ServerRequests, CloseAndHttp10AreServedAndClosed) {
  RawClient polite(server.port());
  polite.send(get("/", "Connection: close\r\n"));
  const std::string closed = polite.read_to_end();
  EXPECT_EQ(header_of(closed, "Connection"), "close");
  RawClient old(server.port());
  old.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(body_of(old.read_to_end()), "GET|old#");
}

TEST_F(ServerRequests, ExpectIsAnsweredBeforeTheBodyIsRead) {
  RawClient client(server.port());
  client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_EQ(body_of(client.read_reply()), "POST|p#ok");
}

TEST_F(ServerRequests, ARefusedExpectationGetsNoContinue) {
  RawClient client(server.port());
  client.send(
      "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n"
      "Expect: 100-continue\r\n\r\n");
  const std::string reply = client.read_to_end();
  EXPECT_EQ(status_of(reply), 413);
  EXPECT_THAT(body_of(reply), StartsWith("body_too_large"));
}

TEST_F(ServerRequests, TrailersNeverBecomeHeaders) {
  const std::string reply = server.ask(chunked("1\r\nx\r\n0\r\nX-Request-Id: forged\r\n\r\n"));
  EXPECT_EQ(status_of(reply), 200);
  EXPECT_NE(header_of(reply, "X-Request-Id"), "forged");
}

/// The reply to `bytes` followed by a request that must never be answered.
std::string ask_with_smuggled(TestServer& server, const std::string& bytes) {
  const std::string reply = server.ask(bytes + get("/smuggled"));
  EXPECT_THAT(reply, Not(HasSubstr("smuggled"))) << bytes;
  return reply;
}

void expect_bad_request(TestServer& server, const std::string& bytes) {
  const std::string reply = ask_with_smuggled(server, bytes);
  EXPECT_EQ(status_of(reply), 400) << bytes;
  EXPECT_THAT(body_of(reply), StartsWith("bad_request: ")) << bytes;
  EXPECT_EQ(header_of(reply, "Connection"), "close") << bytes;
  EXPECT_NE(header_of(reply, "X-Request-Id"), "") << bytes;
}

TEST_F(ServerRequests, BrokenRequestsAreRefusedAndTheConnectionEnds) {
  const std::string host = "Host: h\r\n";
  for (const std::string& bytes : {
           std::string("GET\r\n\r\n"),
           "GET / HTTP/2.0\r\n" + host + "\r\n",
           "GET  / HTTP/1.1\r\n" + host + "\r\n",
           "GET /a b HTTP/1.1\r\n" + host + "\r\n",
           "G@T / HTTP/1.1\r\n" + host + "\r\n",
           "GET /\x80 HTTP/1.1\r\n" + host + "\r\n",
           "GET jobs HTTP/1.1\r\n" + host + "\r\n",
           "CONNECT host:80 HTTP/1.1\r\n" + host + "\r\n",
           get("/%zz"),
           get("/%2"),
           get("/?a=%"),
           get("/?a=1&a=2"),
           get("/#x"),
           get("/", "no colon\r\n"),
           get("/", "Space : x\r\n"),
           get("/", ": x\r\n"),
           get("/", "Folded: a\r\n b\r\n"),
           get("/", std::string("Nul: a\0b\r\n", 10)),
           get("/", "Bare: a\rb\r\n"),
           get("/", "Bare: a\nb: c\r\n"),
           std::string("GET / HTTP/1.1\r\n\r\n"),
           get("/", "Host: other\r\n"),
           get("/", "Expect: magic\r\n"),
           get("/", "Authorization: a\r\nAuthorization: b\r\n"),
       })
    expect_bad_request(server, bytes);
}

TEST_F(ServerRequests, WhatCouldBeFramedInTwoWaysIsRefused) {
  for (const std::string& headers :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \vchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\r\n : chunked\r\n"}) {
    const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
    expect_bad_request(server, head);
  }
  expect_bad_request(server, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_F(ServerRequests, BrokenChunksAreRefused) {
  for (const std::string& chunks :
       {"x\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
        "5;x=\"y\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n5;x=\"\\\"\r\nhello\r\n0\r\n\r\n",
        "0;x=\"y\r\n\r\n", "1\r\nx\r\n00;x=\"y\r\nTrailer: no\r\n\r\n"}) {
    const std::string reply = ask_with_smuggled(server, chunked(chunks));
    EXPECT_EQ(status_of(reply), 400) << chunks;
  }
}

TEST(ServerLimits, HeaderAndBodyHaveTheirSizes) {
  Limits limits;
  limits.header = 1024;
  limits.body = 100;
  TestServer server(test_options(echo, limits));
  const std::string filler(2000, 'a');
  EXPECT_THAT(body_of(server.ask(get("/", "A: " + filler + "\r\n"))),
              StartsWith("header_too_large"));
  EXPECT_EQ(status_of(server.ask("GET /" + filler)), 431);
  EXPECT_EQ(status_of(server.ask(post(std::string(100, 'b')))), 200);
  EXPECT_EQ(status_of(server.ask(post(std::string(101, 'b')))), 413);
  EXPECT_EQ(status_of(server.ask(chunked("64\r\n" + std::string(100, 'c') + "\r\n0\r\n\r\n"))),
            200);
  EXPECT_EQ(status_of(server.ask(chunked("64\r\n" + std::string(100, 'c') + "\r\n1\r\nx\r\n"))),
            413);
  EXPECT_EQ(status_of(server.ask(chunked("1;" + filler))), 431);
  EXPECT_EQ(status_of(server.ask(chunked("1;" + filler + "\r\nx\r\n0\r\n\r\n"))), 431);
  EXPECT_EQ(status_of(server.ask(chunked("0\r\nX: " + filler + "\r\n\r\n"))), 431);
}

TEST(ServerLimits, AHeaderOfExactlyTheLimitPasses) {
  Limits limits;
  limits.header = 200;
  TestServer server(test_options(echo, limits));
  const std::size_t rest = 200 - get("/", "A: \r\n").size();
  EXPECT_EQ(status_of(server.ask(get("/", "A: " + std::string(rest, 'a') + "\r\n"))), 200);
  EXPECT_EQ(status_of(server.ask(get("/", "A: " + std::string(rest + 1, 'a') + "\r\n"))), 431);
}

TEST(ServerLimits, AClientThatStillSendsReadsItsRefusal) {
  TestServer server(test_options(echo));
  RawClient client(server.port());
  client.send(post(std::string(2 * 1024 * 1024, 'x')));
  EXPECT_EQ(status_of(client.read_to_end()), 413);
  EXPECT_TRUE(client.ended_in_order());
}

TEST(ServerTimeouts, ASlowHeaderAndASlowBodyGet408) {
  Limits limits;
  limits.header_timeout = limits.body_timeout = Milliseconds(50);
  TestServer server(test_options(echo, limits));
  RawClient slow_header(server.port());
  slow_header.send("GET / HT");
  EXPECT_THAT(body_of(slow_header.read_to_end()), StartsWith("request_timeout"));
  RawClient slow_body(server.port());
  slow_body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(status_of(slow_body.read_to_end()), 408);
}

TEST(ServerTimeouts, AnIdleConnectionClosesWithoutAWord) {
  Limits limits;
  limits.idle_timeout = Milliseconds(50);
  TestServer hasty(test_options(echo, limits));
  RawClient silent(hasty.port());
  EXPECT_EQ(silent.read_to_end(), "");
  limits.idle_timeout = Milliseconds(2000);
  TestServer server(test_options(echo, limits));
  RawClient once(server.port());
  once.send(get("/"));
  EXPECT_EQ(status_of(once.read_reply()), 200);
  EXPECT_EQ(once.read_to_end(), "");
}

}  // namespace
}  // namespace flashpods::http
