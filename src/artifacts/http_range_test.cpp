#include "artifacts/http_range.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace flashpods::artifacts {
namespace {

using Kind = RangeRequest::Kind;

RangeRequest single(std::uint64_t first, std::uint64_t length) {
  return {Kind::kSingle, first, length};
}
const RangeRequest kWhole{};
const RangeRequest kUnsatisfiable{.kind = Kind::kUnsatisfiable};

TEST(ParseRange, ReadsTheThreeForms) {
  EXPECT_EQ(parse_range("bytes=0-99", 1000), single(0, 100));
  EXPECT_EQ(parse_range("bytes=500-", 1000), single(500, 500));
  EXPECT_EQ(parse_range("bytes=-100", 1000), single(900, 100));
  EXPECT_EQ(parse_range(" BYTES= 0-0 ", 1000), single(0, 1));
}

TEST(ParseRange, CutsAtTheEnd) {
  EXPECT_EQ(parse_range("bytes=990-2000", 1000), single(990, 10));
  EXPECT_EQ(parse_range("bytes=-5000", 1000), single(0, 1000));
  EXPECT_EQ(parse_range("bytes=0-99999999999999999999999999", 1000), single(0, 1000));
}

TEST(ParseRange, KnowsWhatCannotBeSatisfied) {
  EXPECT_EQ(parse_range("bytes=1000-", 1000), kUnsatisfiable);
  EXPECT_EQ(parse_range("bytes=99999999999999999999999999-", 1000), kUnsatisfiable);
  EXPECT_EQ(parse_range("bytes=-0", 1000), kUnsatisfiable);
  EXPECT_EQ(parse_range("bytes=0-", 0), kUnsatisfiable);
  EXPECT_EQ(parse_range("bytes=-5", 0), kUnsatisfiable);
}

TEST(ParseRange, IgnoresWhatItDoesNotUnderstand) {
  for (const auto* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,5-6", "lines=0-1",
        "bytes=+1-2", "bytes=1-2x", "bytes=--1"}) {
    EXPECT_EQ(parse_range(header, 1000), kWhole) << header;
  }
}

TEST(ParseRange, NeverLeadsOutOfTheFile) {
  EXPECT_TRUE(rc::check([](const std::string& noise, std::uint64_t size) {
    const auto range = parse_range("bytes=" + noise, size);
    if (range.kind != Kind::kSingle) return;
    RC_ASSERT(range.length >= 1 && range.first < size && range.length <= size - range.first);
  }));
  EXPECT_TRUE(rc::check([](std::uint64_t first, std::uint64_t last, std::uint64_t size) {
    const auto range =
        parse_range("bytes=" + std::to_string(first) + "-" + std::to_string(last), size);
    if (range.kind != Kind::kSingle) return;
    RC_ASSERT(range.first == first && range.length <= size - first);
  }));
}

TEST(Conditions, IfNoneMatchComparesWeakly) {
  EXPECT_TRUE(none_match_hits("\"a\"", "\"a\""));
  EXPECT_TRUE(none_match_hits("\"b\", W/\"a\"", "\"a\""));
  EXPECT_TRUE(none_match_hits("*", "\"a\""));
  EXPECT_FALSE(none_match_hits("\"b\"", "\"a\""));
  EXPECT_FALSE(none_match_hits("a", "\"a\""));
}

TEST(Conditions, IfRangeComparesStrongly) {
  EXPECT_TRUE(if_range_holds("\"a\"", "\"a\""));
  EXPECT_FALSE(if_range_holds("W/\"a\"", "\"a\""));
  EXPECT_FALSE(if_range_holds("Wed, 21 Jan 2026 10:30:00 GMT", "\"a\""));
}

TEST(PlanDownload, AnswersEachRequest) {
  const auto etag = etag_of("a");
  EXPECT_EQ(plan_download({}, etag, 10).status, 200);
  EXPECT_EQ(plan_download({}, etag, 10).length, 10);
  EXPECT_EQ(plan_download({.if_none_match = "\"a\""}, etag, 10).status, 304);

  const auto part = plan_download({.range = "bytes=2-4"}, etag, 10);
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.first, 2);
  EXPECT_EQ(part.length, 3);
  EXPECT_EQ(part.content_range, "bytes 2-4/10");

  const auto beyond = plan_download({.range = "bytes=10-"}, etag, 10);
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.content_range, "bytes */10");
  EXPECT_EQ(beyond.length, 0);
}

TEST(PlanDownload, ARangeOfAnotherVersionGivesTheWhole) {
  const DownloadRequest request{.range = "bytes=2-4", .if_range = "\"old\""};
  EXPECT_EQ(plan_download(request, etag_of("new"), 10).status, 200);
}

}  // namespace
}  // namespace flashpods::artifacts
