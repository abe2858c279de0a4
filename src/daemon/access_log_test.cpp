#include "daemon/access_log.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace flashpods::daemon {
namespace {

using nlohmann::json;

struct AccessLogTest : testing::Test {
  http::Request request_for(std::vector<std::string> path) {
    http::Request request;
    request.path = std::move(path);
    request.peer.address = "127.0.0.1";
    request.request_id = "abc";
    return request;
  }
  http::Request with_token(http::Request request) {
    request.headers["Authorization"] = "Bearer right";
    return request;
  }
  void log(const http::Request& request, int status) {
    log_request(log_, token, request, {status, 10, Milliseconds{3}});
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& line : lines) sum += line.size();
    return sum;
  }

  FakeClock clock;
  std::vector<std::string> lines;
  api::BearerToken token{"right"};
  Log log_{clock, [this](std::string_view line) { lines.emplace_back(line); }, LogLevel::kInfo};
};

TEST_F(AccessLogTest, EachRequestWithTheTokenIsALine) {
  for (int i = 0; i < 3; ++i) log(with_token(request_for({"jobs", "job_a"})), 200);
  ASSERT_EQ(lines.size(), 3U);
  const json line = parse_json(lines[2]).value();
  EXPECT_EQ(line["event"], "request");
  EXPECT_EQ(line["path"], "/jobs/job_a");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["request_id"], "abc");
}

TEST_F(AccessLogTest, StrangersRequestsAreOneLineASecondWithTheirNumber) {
  const auto long_path = request_for({std::string(15'000, '\x01')});
  auto wrong = request_for({"jobs"});
  wrong.headers["Authorization"] = "Bearer wrong";
  for (int i = 0; i < 1000; ++i) log(long_path, 401);
  log(request_for({"health"}), 200);
  log(wrong, 401);
  log_.report_held();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_LT(bytes(), 2000U);
  const json last = parse_json(lines[1]).value();
  EXPECT_EQ(last["event"], "request_without_token");
  EXPECT_EQ(last["times"], 1001);
  EXPECT_EQ(last["path"], "/jobs");
  EXPECT_EQ(last["from"], "127.0.0.1");
}

TEST_F(AccessLogTest, PathsAndMethodsAreCut) {
  auto request = with_token(request_for({std::string(100, 'a'), std::string(10'000, 'b'), "c"}));
  request.method = std::string(5'000, 'M');
  log(request, 404);
  const json line = parse_json(lines.at(0)).value();
  EXPECT_LE(line["path"].get<std::string>().size(), kMostLoggedPath + 3);
  EXPECT_LE(line["method"].get<std::string>().size(), 23U);
}

}  // namespace
}  // namespace flashpods::daemon
