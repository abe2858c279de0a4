#include "cli/local_daemon.h"

#include <gtest/gtest.h>

#include "cli/daemon_process.h"

namespace flashpods::cli {
namespace {

TEST(ParseEndpoints, ReadsWhatFlashpodsdWrites) {
  const auto read = parse_endpoints(
      R"({"pid": 4242, "url": "http://127.0.0.1:8080",
          "rsync_url": "rsync://flashpods@127.0.0.1:8873/uploads", "instance": "i1"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->pid, 4242);
  EXPECT_EQ(read->url, "http://127.0.0.1:8080");
  EXPECT_EQ(read->rsync_url, "rsync://flashpods@127.0.0.1:8873/uploads");
  EXPECT_EQ(read->instance, "i1");
}

TEST(ParseEndpoints, RefusesPidsThatMustNeverBeSignalled) {
  for (const char* pid : {"0", "1", "-1", "99999999999", "\"7\"", "null"}) {
    const auto text = std::string{R"({"url": "http://h", "instance": "i", "pid": )"} + pid + "}";
    EXPECT_FALSE(parse_endpoints(text)) << pid;
  }
}

TEST(ParseEndpoints, RefusesNoise) {
  for (const char* text : {"", "[]", "{}", "{\"pid\":", "7"}) EXPECT_FALSE(parse_endpoints(text));
}

TEST(DaemonCommand, KnowsAFlashpodsdByItsProgram) {
  using namespace std::string_literals;
  EXPECT_TRUE(is_daemon_command("/usr/bin/flashpodsd\0--state-dir\0/s\0"s));
  EXPECT_TRUE(is_daemon_command("flashpodsd\0"s));
  EXPECT_FALSE(is_daemon_command("vim\0flashpodsd\0"s));
  EXPECT_FALSE(is_daemon_command(""));
  EXPECT_TRUE(names_state("flashpodsd\0--state-dir\0/s\0--port\0"s, "/s"));
  EXPECT_FALSE(names_state("flashpodsd\0--state-dir\0/s2\0"s, "/s"));
}

TEST(LastLines, GivesTheEnd) {
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), "b\nc");
  EXPECT_EQ(last_lines("a\nb", 5), "a\nb");
  EXPECT_EQ(last_lines("", 3), "");
  EXPECT_EQ(last_lines("\na", 1), "a");
}

}  // namespace
}  // namespace flashpods::cli
