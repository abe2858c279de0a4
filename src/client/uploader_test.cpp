#include "client/uploader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/event_stream.h"
#include "client/spawn.h"

namespace flashpods::client {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST(ParseProgress, ReadsRsyncsLine) {
  const auto progress = parse_progress("      1,234,567  42%    1.20MB/s    0:00:03 (xfr#3)");
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->bytes, 1'234'567U);
  EXPECT_EQ(progress->percent, 42);
  EXPECT_TRUE(parse_progress("0   0%    0.00kB/s"));
  for (const auto* line :
       {"", "sending incremental file list", "12", "12 %", "12 200%", "a/b 3%"}) {
    EXPECT_FALSE(parse_progress(line)) << line;
  }
}

TEST(RsyncArguments, HoldNoSecretAndEndTheOptions) {
  UploadPlan plan;
  plan.directory = "/home/me/--app";
  plan.exclude = {".git", "-x"};
  const auto argv = rsync_arguments(plan, "rsync://h/uploads", "upload_1", "/tmp/list");
  EXPECT_THAT(argv, Contains("--exclude=-x"));
  EXPECT_THAT(argv, Contains("--exclude-from=/tmp/list"));
  const std::vector<std::string> tail(argv.end() - 3, argv.end());
  EXPECT_THAT(tail, ElementsAre("--", "/home/me/--app/", "rsync://h/uploads/upload_1/"));
}

TEST(UploadLimit, IsTheSmallerOfQuotaAndSpace) {
  const auto limit = [](const char* text) { return upload_limit(nlohmann::json::parse(text)); };
  EXPECT_EQ(limit(R"({"uploads": {"max_bytes": 5, "free_bytes": 3}})"), 3U);
  EXPECT_EQ(limit(R"({"uploads": {"max_bytes": 5}})"), 5U);
  EXPECT_EQ(limit(R"({"uploads": null})"), std::nullopt);
  EXPECT_EQ(limit(R"({})"), std::nullopt);
}

TEST(SpawnWait, GrowsToThirtySecondsAndRespectsRetryAfter) {
  EXPECT_EQ(spawn_wait(0, {}), Milliseconds{1'000});
  EXPECT_EQ(spawn_wait(3, {}), Milliseconds{8'000});
  EXPECT_EQ(spawn_wait(5, {}), Milliseconds{30'000});
  EXPECT_EQ(spawn_wait(100, {}), Milliseconds{30'000});
  EXPECT_EQ(spawn_wait(0, Seconds{7}), Milliseconds{7'000});
  EXPECT_EQ(spawn_wait(3, Seconds{1}), Milliseconds{8'000});
  EXPECT_EQ(spawn_wait(0, Seconds{3600}), Milliseconds{60'000});
}

TEST(EventStream, ReadsEventsCutAnywhere) {
  const std::string text =
      ": keep-alive\n\nid: 1\ndata: {\"a\":\r\ndata: 1}\n\nevent: end\ndata: {}\n\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::vector<std::string> seen;
    EventStream events{[&](std::string_view event, std::string_view data) {
      seen.push_back(std::string{event} + "=" + std::string{data});
      return true;
    }};
    EXPECT_TRUE(events.add(std::string_view{text}.substr(0, cut)));
    EXPECT_TRUE(events.add(std::string_view{text}.substr(cut)));
    EXPECT_THAT(seen, ElementsAre("message={\"a\":\n1}", "end={}")) << cut;
  }
}

}  // namespace
}  // namespace flashpods::client
