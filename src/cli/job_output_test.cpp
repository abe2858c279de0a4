// OutputFollower against a real HTTP server that plays the API's part from a script.

#include "cli/job_output.h"

#include <deque>
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/files.h"
#include "cli/raw_output.h"
#include "http/server.h"

namespace flashpods::cli {
namespace {

/// No wait takes time, so that retries do not either.
class NoWait final : public Timer {
 public:
  Awaitable<void> sleep_for(Milliseconds) override { co_return; }
};

/// Answers each follow with the next script; raw reads are slices of `log`.
struct ScriptedLog {
  std::string log;
  std::deque<std::string> follows;
  std::vector<std::map<std::string, std::string>> asked;

  Awaitable<http::Response> answer(http::Request request) {
    asked.push_back(request.query);
    http::Response reply;
    if (request.query.contains("raw")) {
      const auto offset = std::stoul(request.query.at("offset"));
      const auto bytes = log.substr(offset, std::stoul(request.query.at("limit")));
      reply.headers["X-Flashpods-Next-Offset"] = std::to_string(offset + bytes.size());
      reply.body = bytes;
    } else {
      reply.headers["Content-Type"] = "text/event-stream";
      reply.body = follows.empty() ? std::string{} : follows.front();
      if (!follows.empty()) follows.pop_front();
    }
    co_return reply;
  }
};

std::string piece(const std::string& json_text, int begin, int end) {
  return "data: {\"output\": \"" + json_text + "\", \"offset\": " + std::to_string(begin) +
         ", \"next_offset\": " + std::to_string(end) + "}\n\n";
}

constexpr const char* kEnd = "event: end\ndata: {\"status\": \"completed\", \"exit_code\": 0}\n\n";

class Follower : public testing::Test {
 protected:
  Result<void> follow() {
    boost::asio::io_context loop{1};
    http::Server server{loop.get_executor(), options()};
    const auto port = server.listen("127.0.0.1", 0);
    client::Connection connection;
    connection.origin = {"http", "127.0.0.1", *port};
    connection.token = "secret";
    client::Api api{std::move(connection)};
    client::OutputQuery query;
    query.offset = 0;
    const Stream stream{.fd = file_.get()};
    OutputFollower follower{api, timer_, "job_a", query, stream};
    Result<void> result;
    boost::asio::co_spawn(loop, server.serve(), boost::asio::detached);
    boost::asio::co_spawn(loop, follower.run(), [&](auto, Result<void> done) {
      result = std::move(done);
      server.stop(Milliseconds{0});
      loop.stop();
    });
    loop.run();
    return result;
  }

  std::string shown() {
    ::lseek(file_.get(), 0, SEEK_SET);
    return read_all(file_.get(), 1024 * 1024).value_or("");
  }

  ScriptedLog script_;

 private:
  http::Server::Options options() {
    http::Server::Options options;
    options.handler = [this](http::Request request) { return script_.answer(std::move(request)); };
    options.error_reply = [](const Error&, const std::string&) { return http::Response{}; };
    return options;
  }

  NoWait timer_;
  Fd file_{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
};

TEST_F(Follower, ShowsEveryPieceUntilTheEnd) {
  script_.follows = {piece("one\\n", 0, 4) + piece("two\\n", 4, 8) + kEnd};
  ASSERT_TRUE(follow());
  EXPECT_EQ(shown(), "one\ntwo\n");
}

TEST_F(Follower, GoesOnWhereALostConnectionStopped) {
  script_.follows = {piece("one\\n", 0, 4), "", piece("two\\n", 4, 8) + kEnd};
  ASSERT_TRUE(follow());
  EXPECT_EQ(shown(), "one\ntwo\n");
  EXPECT_EQ(script_.asked.back().at("offset"), "4");
}

TEST_F(Follower, BytesThatAreNoTextComeOutUnchanged) {
  script_.follows = {piece("a\\ufffd\\ufffd", 0, 3) + piece("never shown", 3, 6),
                     piece(" z\\n", 3, 6) + kEnd};
  script_.log = std::string("a\xFF\xFE", 3);
  ASSERT_TRUE(follow());
  EXPECT_EQ(shown(), "a\xFF\xFE z\n");
  EXPECT_EQ(script_.asked.back().at("offset"), "3");
}

TEST_F(Follower, ARealReplacementCharacterIsNotDoubled) {
  script_.log = "\xEF\xBF\xBD\n";
  script_.follows = {piece("\\ufffd\\n", 0, 4), kEnd};
  ASSERT_TRUE(follow());
  EXPECT_EQ(shown(), "\xEF\xBF\xBD\n");
}

TEST_F(Follower, GivesUpOnAServerThatOnlyHangsUp) {
  const auto result = follow();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "output_interrupted");
}

}  // namespace
}  // namespace flashpods::cli
