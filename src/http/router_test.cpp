#include "http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "http/client.h"
#include "http/percent.h"

namespace flashpods::http {
namespace {

struct RouterTest : testing::Test {
  std::string find(std::string method, std::vector<std::string> path) {
    request = Request{};
    request.method = std::move(method);
    request.path = std::move(path);
    const auto route = router.match(request);
    if (route) return (*route)->method + " " + (*route)->pattern;
    error = route.error();
    return error.code;
  }

  Router router{{{"GET", "/", {}},
                 {"POST", "/jobs", {}},
                 {"GET", "/jobs", {}},
                 {"GET", "/jobs/:id", {}},
                 {"DELETE", "/jobs/:id", {}},
                 {"GET", "/jobs/summary", {}},
                 {"GET", "/jobs/:id/artifacts/:name", {}}}};
  Request request;
  Error error;
};

TEST_F(RouterTest, FindsByMethodAndPath) {
  EXPECT_EQ(find("GET", {}), "GET /");
  EXPECT_EQ(find("POST", {"jobs"}), "POST /jobs");
  EXPECT_EQ(find("HEAD", {"jobs"}), "GET /jobs");
}

TEST_F(RouterTest, FillsTheParametersWithWhatTheSegmentsHold) {
  EXPECT_EQ(find("GET", {"jobs", "j1", "artifacts", "a/../b"}), "GET /jobs/:id/artifacts/:name");
  EXPECT_THAT(request.params,
              testing::ElementsAre(testing::Pair("id", "j1"), testing::Pair("name", "a/../b")));
}

TEST_F(RouterTest, ALiteralBeatsAParameter) {
  EXPECT_EQ(find("GET", {"jobs", "summary"}), "GET /jobs/summary");
  EXPECT_EQ(find("DELETE", {"jobs", "summary"}), "DELETE /jobs/:id");
}

TEST_F(RouterTest, UnknownPathsAreNotFound) {
  EXPECT_EQ(find("GET", {"job"}), "not_found");
  EXPECT_EQ(find("GET", {"jobs", ""}), "not_found");  // "/jobs/"
  EXPECT_EQ(find("GET", {"jobs", "a", "b"}), "not_found");
}

TEST_F(RouterTest, AnotherMethodIsToldWhatIsAllowed) {
  EXPECT_EQ(find("PUT", {"jobs", "a"}), "method_not_allowed");
  EXPECT_EQ(error.kind, ErrorKind::kMethodNotAllowed);
  EXPECT_EQ((*error.details)["allow"], (nlohmann::json{"GET", "DELETE"}));
}

TEST(PercentTest, EncodesAllButUnreserved) {
  EXPECT_EQ(encode_segment("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(encode_segment("a b/\xc3\xa9%+"), "a%20b%2F%C3%A9%25%2B");
}

TEST(PercentTest, EveryByteComesBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(encode_segment(all)), all);
  EXPECT_EQ(percent_decode(encode_segment(all), true), all);
}

TEST(PercentTest, RefusesHalfADigitPair) {
  for (const char* text : {"%", "%a", "%g0", "a%2", "%%20"}) EXPECT_FALSE(percent_decode(text));
}

}  // namespace
}  // namespace flashpods::http
