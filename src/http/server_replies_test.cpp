// How replies go out, and how the server ends: real sockets, real files.

#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <future>
#include <optional>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/timer.h"
#include "base/no_watches.h"
#include "http/test_server.h"

namespace flashpods::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr Milliseconds kLong{3'600'000};

/// A file without a name.
std::shared_ptr<const Fd> make_file(const std::string& content) {
  std::string path = (std::filesystem::temp_directory_path() / "http_test_XXXXXX").string();
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  ::unlink(path.c_str());
  EXPECT_EQ(::pwrite(fd, content.data(), content.size(), 0), std::ssize(content));
  return std::make_shared<const Fd>(fd);
}

std::string make_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

Awaitable<Response> give(Response response) { co_return response; }

Handler giving(Response response) {
  return [response](Request) { return give(response); };
}

TEST(ServerFiles, AFileArrivesByteForByteAndTheConnectionGoesOn) {
  const std::string content = make_bytes(20 * 1024 * 1024 + 7);
  TestServer server(
      test_options(giving({200, {}, FileBody{make_file(content), 0, content.size()}})));
  RawClient client(server.port());
  for (int round = 0; round < 2; ++round) {
    client.send(kGet);
    const std::string reply = client.read_reply();
    EXPECT_EQ(header_of(reply, "Content-Length"), std::to_string(content.size()));
    EXPECT_TRUE(body_of(reply) == content);
  }
}

TEST(ServerFiles, ARangeIsAnOffsetAndALength) {
  const std::string content = make_bytes(100'000);
  TestServer server(test_options(giving({206, {}, FileBody{make_file(content), 500, 70'000}})));
  EXPECT_TRUE(body_of(server.ask(kGet)) == content.substr(500, 70'000));
  EXPECT_EQ(body_of(server.ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")), "");
}

TEST(ServerReplies, ARefusedHeadHasNoBodyEither) {
  TestServer server(test_options(giving({200, {}, "text"})));
  for (const char* bad :
       {"HEAD x HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD / HTTP/1.1\r\nno name\r\n\r\n",
        "HEAD / HTTP/9.9\r\nHost: h\r\n\r\n"}) {
    const auto refused = server.ask(bad);
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 400 ")) << refused;
    EXPECT_EQ(body_of(refused), "") << refused;
  }
}

TEST(ServerFiles, AFileShorterThanPromisedEndsTheConnection) {
  TestServer server(test_options(giving({200, {}, FileBody{make_file("short"), 0, 1000}})));
  RawClient client(server.port());
  client.send(kGet);
  EXPECT_EQ(body_of(client.read_to_end()), "short");
}

TEST(ServerFiles, AClientThatReadsNothingIsDropped) {
  Limits limits;
  limits.write_progress = Milliseconds(50);
  const std::string content = make_bytes(30 * 1024 * 1024);
  TestServer server(
      test_options(giving({200, {}, FileBody{make_file(content), 0, content.size()}}), limits));
  RawClient client(server.port(), 4096);
  client.send(kGet);
  while (server.done().empty()) std::this_thread::yield();
  EXPECT_LT(client.read_to_end().size(), content.size());
}

TEST(ServerReplies, NoBodyWhereThereIsNone) {
  TestServer server(test_options(giving({204, {}, std::string("ignored")})));
  const std::string reply = server.ask(kGet);
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_EQ(header_of(reply, "Content-Length"), "");
  EXPECT_EQ(body_of(reply), "");
}

TEST(ServerReplies, AHeaderValueCannotBeginAnother) {
  TestServer server(test_options(giving(
      {200, {{"X-Name", "a\r\nSet-Cookie: b"}, {"Content-Length", "99"}}, std::string("ok")})));
  const std::string reply = server.ask(kGet);
  EXPECT_EQ(header_of(reply, "X-Name"), "a  Set-Cookie: b");
  EXPECT_EQ(header_of(reply, "Content-Length"), "2");
}

Awaitable<Response> fall(Request request) {
  if (request.path.empty()) throw std::runtime_error("boom");
  co_return Response{200, {}, std::string("fine")};
}

TEST(ServerReplies, AHandlerThatThrowsIsA500AndTheConnectionGoesOn) {
  TestServer server(test_options(fall));
  RawClient client(server.port());
  client.send(kGet);
  const std::string reply = client.read_reply();
  EXPECT_EQ(status_of(reply), 500);
  EXPECT_THAT(body_of(reply), StartsWith("internal_error: "));
  EXPECT_THAT(reply, testing::Not(HasSubstr("boom")));
  client.send("GET /ok HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(client.read_reply()), "fine");
  EXPECT_THAT(server.faults(), testing::ElementsAre("boom"));
  while (server.done().size() < 2) std::this_thread::yield();
  EXPECT_THAT(server.done(), testing::ElementsAre(StartsWith("GET 500 "), "GET 200 4"));
}

Awaitable<void> three_pieces(BodyWriter& writer) {
  for (const char* piece : {"one,", "", "two,", "three"}) EXPECT_TRUE(co_await writer.write(piece));
}

TEST(ServerStreams, PiecesAreChunksAndTheConnectionGoesOn) {
  TestServer server(test_options(giving({200, {}, StreamBody(three_pieces)})));
  RawClient client(server.port());
  for (int round = 0; round < 2; ++round) {
    client.send(kGet);
    EXPECT_EQ(header_of(client.read_until("\r\n\r\n"), "Transfer-Encoding"), "chunked");
    EXPECT_EQ(client.read_until("0\r\n\r\n"), "4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n");
  }
}

TEST(ServerStreams, Http10GetsThePiecesAsTheyAre) {
  TestServer server(test_options(giving({200, {}, StreamBody(three_pieces)})));
  const std::string reply = server.ask("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(header_of(reply, "Transfer-Encoding"), "");
  EXPECT_EQ(body_of(reply), "one,two,three");
}

struct StreamFate {
  std::atomic<bool> refused = false, cancelled = false;
};

StreamFate g_fate;  // a stream's coroutine outlives no test that looks at it

Awaitable<void> write_until_refused(BodyWriter& writer) {
  while (co_await writer.write(std::string(4096, 'x'))) {
  }
  g_fate.refused = true;
}

Awaitable<void> write_then_sleep(BodyWriter& writer) {
  SystemTimer timer;
  co_await writer.write("first");
  try {
    co_await timer.sleep_for(kLong);
  } catch (const std::exception&) {
    g_fate.cancelled = true;
    throw;
  }
}

Awaitable<void> write_then_throw(BodyWriter& writer) {
  co_await writer.write("first");
  throw std::runtime_error("stream broke");
}

TEST(ServerStreams, WritingToAClientThatLeftSaysSo) {
  g_fate.refused = false;
  TestServer server(test_options(giving({200, {}, StreamBody(write_until_refused)})));
  RawClient client(server.port());
  client.send(kGet);
  client.read_until("xxxx");
  client.close();
  while (server.connections() > 0) std::this_thread::yield();
  EXPECT_THAT(server.faults(), testing::IsEmpty());
}

TEST(ServerStreams, ASilentStreamEndsWhenItsClientLeaves) {
  g_fate.cancelled = false;
  TestServer server(test_options(giving({200, {}, StreamBody(write_then_sleep)})));
  RawClient client(server.port());
  client.send(kGet);
  client.read_until("first");
  client.close();
  while (server.connections() > 0) std::this_thread::yield();
  EXPECT_TRUE(g_fate.cancelled);
}

Awaitable<Response> stream_or_text(Request request) {
  if (request.path.empty()) return give({200, {}, StreamBody(write_then_sleep)});
  return give({200, {}, std::string("text")});
}

TEST(ServerStreams, HalfOfTheConnectionsStayForOtherRequests) {
  Limits limits;
  limits.connections = 4;
  TestServer server(test_options(stream_or_text, limits));
  RawClient first(server.port()), second(server.port()), third(server.port());
  for (RawClient* client : {&first, &second}) {
    client->send(kGet);
    client->read_until("first");
  }
  third.send(kGet);
  const auto refusal = third.read_reply();
  EXPECT_EQ(status_of(refusal), 429);
  EXPECT_THAT(body_of(refusal), StartsWith("too_many_streams: 2 streams"));
  third.send("GET /text HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(third.read_reply()), "text");
  first.close();
  while (server.connections() > 2) std::this_thread::yield();
  third.send(kGet);
  EXPECT_THAT(third.read_until("first"), StartsWith("HTTP/1.1 200"));
}

TEST(ServerStreams, AStreamThatThrowsLeavesOutTheEndMark) {
  TestServer server(test_options(giving({200, {}, StreamBody(write_then_throw)})));
  RawClient client(server.port());
  client.send(kGet);
  EXPECT_THAT(client.read_to_end(), EndsWith("5\r\nfirst\r\n"));
  EXPECT_THAT(server.faults(), testing::ElementsAre("stream broke"));
}

TEST(ServerStop, IdleConnectionsAndStreamsEndAtOnce) {
  TestServer server(test_options(giving({200, {}, StreamBody(write_then_sleep)})));
  RawClient idle(server.port()), streaming(server.port());
  streaming.send(kGet);
  streaming.read_until("first");
  server.stop(kLong);
  server.wait_until_served();
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_EQ(streaming.read_to_end(), "\r\n");  // the chunk's own end, not the last chunk
  EXPECT_THROW(RawClient(server.port()), std::runtime_error);
}

std::atomic<bool> g_handling = false;

Awaitable<Response> sleep_until_let_go(Request) {
  SystemTimer timer;
  for (g_handling = true; g_handling;) co_await timer.sleep_for(Milliseconds(1));
  co_return Response{200, {}, std::string("finished")};
}

void start_handling(RawClient& client) {
  g_handling = false;
  client.send(kGet);
  while (!g_handling) std::this_thread::yield();
}

TEST(ServerStop, AReplyUnderWayIsFinished) {
  TestServer server(test_options(sleep_until_let_go));
  RawClient client(server.port());
  start_handling(client);
  server.stop(kLong);
  EXPECT_EQ(server.connections(), 1U);
  g_handling = false;
  const std::string reply = client.read_to_end();
  EXPECT_EQ(body_of(reply), "finished");
  EXPECT_EQ(header_of(reply, "Connection"), "close");
  client.close();
  server.wait_until_served();
}

TEST(ServerStop, WhatOutlivesTheGraceIsCancelledAndSaysWhy) {
  TestServer server(test_options(sleep_until_let_go));
  RawClient client(server.port());
  start_handling(client);
  server.stop(Milliseconds(20));
  const std::string reply = client.read_to_end();
  EXPECT_EQ(status_of(reply), 503);
  EXPECT_THAT(body_of(reply), StartsWith("shutting_down"));
  server.wait_until_served();
}

TEST(ServerAccept, RefusedPeersAreClosedUnserved) {
  auto options = test_options(hello);
  options.admit = [](const Peer& peer) { return peer.address != "127.0.0.1"; };
  TestServer server(std::move(options));
  EXPECT_EQ(server.ask(kGet), "");
}

TEST(ServerAccept, BeyondTheLimitTheNewestWaits) {
  Limits limits;
  limits.connections = 1;
  TestServer server(test_options(hello, limits));
  RawClient first(server.port());
  first.send(kGet);
  EXPECT_EQ(status_of(first.read_reply()), 200);
  RawClient second(server.port());
  second.send(kGet);
  EXPECT_EQ(server.connections(), 1U);
  first.close();
  EXPECT_EQ(status_of(second.read_reply()), 200);
}

TEST(ServerAccept, WhoWaitsLongestMakesRoom) {
  Limits limits;
  limits.connections = 2;
  limits.patience_when_full = Milliseconds(0);
  for (const char* begun :
       {"", "GET /x HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n"}) {
    TestServer server(test_options(hello, limits));
    RawClient first(server.port());
    first.send(begun);
    while (server.connections() < 1) std::this_thread::yield();
    RawClient second(server.port());
    second.send(kGet);
    EXPECT_EQ(status_of(second.read_reply()), 200);
    RawClient third(server.port());
    third.send(kGet);
    EXPECT_EQ(status_of(third.read_reply()), 200);
    EXPECT_EQ(first.read_to_end(), "");
    second.send(kGet);
    EXPECT_EQ(status_of(second.read_reply()), 200) << "one was enough";
  }
}

TEST(ServerAccept, WithoutAWatchThePeerWaitsAsInTheBacklog) {
  TestServer server(test_options(giving({200, {}, std::string("x")})));
  std::optional<NoWatches> none(std::in_place);
  RawClient first(server.port());
  RawClient second(server.port());
  first.send(kGet);
  second.send(kGet);
  while (server.faults().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // some more attempts
  none.reset();
  EXPECT_EQ(status_of(first.read_reply()), 200);
  EXPECT_EQ(status_of(second.read_reply()), 200);
  ASSERT_EQ(server.faults().size(), 1U) << "each attempt is a line";
  EXPECT_THAT(server.faults().front(), testing::HasSubstr("fs.epoll.max_user_watches"));
}

/// Room for one, which is to make room at once.
Limits only_one() {
  Limits limits;
  limits.connections = 1;
  limits.patience_when_full = Milliseconds(0);
  return limits;
}

/// More than the kernel takes off our hands for a peer with a small buffer.
constexpr std::size_t kTooMuchToBuffer = std::size_t{32} << 20;
constexpr std::string_view kLast = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
constexpr std::string_view kSmall = "GET /small HTTP/1.1\r\nHost: h\r\n\r\n";

/// `large`, and a word where /small is asked for.
Handler giving_at_root(Response large) {
  return [large](Request request) {
    return give(request.path.empty() ? large : Response{200, {}, std::string("small")});
  };
}

TEST(ServerAccept, WhoReadsNoReplyMakesRoom) {
  const std::string content(kTooMuchToBuffer, 'x');
  const FileBody file{make_file(content), 0, content.size()};
  for (const Response& large : {Response{200, {}, content}, Response{200, {}, file}}) {
    TestServer server(test_options(giving_at_root(large), only_one()));
    RawClient silent(server.port(), 4096);
    silent.send(kGet);
    silent.read_until("xxxx");
    RawClient second(server.port());
    second.send(kSmall);
    EXPECT_EQ(body_of(second.read_reply()), "small");
    EXPECT_LT(silent.read_to_end().size(), content.size());
  }
}

TEST(ServerAccept, WhoAsksOnAndReadsNothingMakesRoom) {
  constexpr int kRequests = 500;
  const std::string text(kTooMuchToBuffer / kRequests, 'x');
  TestServer server(test_options(giving_at_root({200, {}, text}), only_one()));
  RawClient silent(server.port(), 4096);
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += kGet;
  silent.send(requests);
  silent.read_until("xxxx");  // from here on it is never idle
  RawClient second(server.port());
  second.send(kSmall);
  EXPECT_EQ(body_of(second.read_reply()), "small");
}

Awaitable<void> write_too_much(BodyWriter& writer) {
  const std::string piece(64 * 1024, 'x');
  for (std::size_t sent = 0; sent < kTooMuchToBuffer; sent += piece.size()) {
    std::string copy = piece;
    if (!co_await writer.write(std::move(copy))) co_return;
  }
  std::string end = "end";
  co_await writer.write(std::move(end));
}

TEST(ServerAccept, AStreamNobodyReadsForAWhileKeepsThePlace) {
  TestServer server(
      test_options(giving_at_root({200, {}, StreamBody(write_too_much)}), only_one()));
  RawClient first(server.port(), 4096);
  first.send(kLast);
  first.read_until("xxxx");
  RawClient second(server.port());
  second.send(kSmall);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(first.read_to_end().ends_with("end\r\n0\r\n\r\n"));
  first.close();
  EXPECT_EQ(body_of(second.read_reply()), "small");
}

TEST(ServerAccept, AReplyIsWaitedForAMomentToBeRead) {
  auto limits = only_one();
  limits.patience_when_full = kLong;
  const std::string content(kTooMuchToBuffer, 'x');
  TestServer server(test_options(giving_at_root({200, {}, content}), limits));
  RawClient first(server.port(), 4096);
  first.send(kLast);
  const auto begun = first.read_until("xxxx");
  RawClient second(server.port());
  second.send(kSmall);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(body_of(begun + first.read_to_end()).size(), content.size());
  first.close();
  EXPECT_EQ(body_of(second.read_reply()), "small");
}

TEST(ServerAccept, WhoIsServedKeepsThePlace) {
  Limits limits;
  limits.connections = 1;
  limits.patience_when_full = Milliseconds(0);
  std::atomic<bool> begun = false;
  TestServer server(test_options(
      [&begun](Request) -> Awaitable<Response> {
        begun = true;
        boost::asio::steady_timer pause(co_await boost::asio::this_coro::executor);
        pause.expires_after(std::chrono::milliseconds(300));
        co_await pause.async_wait(boost::asio::use_awaitable);
        co_return Response{200, {}, "late"};
      },
      limits));
  RawClient first(server.port());
  first.send(kGet);
  while (!begun) std::this_thread::yield();
  RawClient second(server.port());
  second.send(kGet);
  EXPECT_EQ(body_of(first.read_reply()), "late");
  EXPECT_EQ(body_of(second.read_reply()), "late");
}

/// A server that is busy with its first request while others connect, and finds no descriptor for
/// them then.
class OutOfDescriptors : public testing::Test {
 protected:
  OutOfDescriptors() { ::getrlimit(RLIMIT_NOFILE, &before_); }
  ~OutOfDescriptors() override { relax(); }

  void start(Milliseconds patience, std::size_t others) {
    Limits limits;
    limits.patience_when_full = patience;
    server_.emplace(test_options([this](Request request) { return reply(request); }, limits));
    first_.emplace(server_->port());
    first_->send(kHold);
    held_.get_future().wait();
    for (std::size_t i = 0; i < others; ++i) {
      others_.push_back(std::make_unique<RawClient>(server_->port()));
      others_.back()->send(kGet);
    }
    const auto lowest_free = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get();
    const rlimit none_free{static_cast<rlim_t>(lowest_free), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none_free);
    let_go_.set_value();
    EXPECT_EQ(status_of(first_->read_reply()), 200);
  }

  void relax() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  void expect_one_report() {
    relax();  // UBSan needs descriptors to look at what it prints
    EXPECT_THAT(server_->faults(), testing::ElementsAre(HasSubstr("Too many open files")));
  }

  std::optional<TestServer> server_;
  std::vector<std::unique_ptr<RawClient>> others_;

 private:
  static constexpr std::string_view kHold = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n";

  Awaitable<Response> reply(const Request& request) {
    if (!request.path.empty()) {
      held_.set_value();
      let_go_.get_future().wait();
    }
    return give({200, {}, std::string("hello")});
  }

  rlimit before_{};
  std::promise<void> held_;
  std::promise<void> let_go_;
  std::optional<RawClient> first_;
};

TEST_F(OutOfDescriptors, IsReportedOnceAndPasses) {
  start(kLong, 1);
  while (server_->faults().empty()) std::this_thread::yield();
  relax();
  EXPECT_EQ(status_of(others_.front()->read_reply()), 200);
  expect_one_report();
}

TEST_F(OutOfDescriptors, ManyForWhomRoomIsMadeAreOneReport) {
  start(Milliseconds(0), 5);
  for (const auto& other : others_) EXPECT_EQ(status_of(other->read_reply()), 200);
  expect_one_report();
}

struct Listening : testing::Test {
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port = 0) {
    server = std::make_unique<Server>(io.get_executor(), test_options(hello));
    return server->listen(address, port);
  }
  boost::asio::io_context io{1};
  std::unique_ptr<Server> server;
};

TEST_F(Listening, ErrorsSayWhatToDo) {
  TestServer other(test_options(hello));
  EXPECT_EQ(listen("127.0.0.1", other.port()).error().code, "address_in_use");
  EXPECT_EQ(listen("203.0.113.7", 0).error().code, "address_not_available");
  EXPECT_EQ(listen("no address", 0).error().code, "invalid_address");
  EXPECT_EQ(listen("/" + std::string(200, 'a')).error().code, "invalid_address");
}

TEST_F(Listening, AUnixSocketIsPrivateAndReplacesAStaleOne) {
  const std::string path = "/tmp/http_test_" + std::to_string(::getpid()) + ".sock";
  ASSERT_TRUE(listen(path));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  Server second(io.get_executor(), test_options(hello));
  EXPECT_EQ(second.listen(path, 0).error().code, "address_in_use");
  ::link(path.c_str(), (path + ".kept").c_str());
  server.reset();  // takes the name away
  EXPECT_NE(::stat(path.c_str(), &status), 0);
  ::rename((path + ".kept").c_str(), path.c_str());  // what a killed server leaves
  EXPECT_TRUE(second.listen(path, 0));
}

}  // namespace
}  // namespace flashpods::http
