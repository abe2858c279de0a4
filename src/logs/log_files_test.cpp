#include "logs/log_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "logs/log_format.h"
#include "logs/log_test_support.h"

namespace flashpods::logs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RemoveLog, RemovesLogAndIndexAndMayBeRepeated) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "x", at_ms(1));
  EXPECT_GT(log_disk_usage(log.file), 0);
  const auto before = total_disk_usage(log.directory.path()).value();
  EXPECT_TRUE(remove_log(log.file));
  EXPECT_FALSE(std::filesystem::exists(index_path(log.file)));
  EXPECT_TRUE(remove_log(log.file));
  EXPECT_EQ(log_disk_usage(log.file), 0);
  EXPECT_LT(total_disk_usage(log.directory.path()).value(), before);
}

TEST(ChooseLogsToDelete, TakesTheOldestCompletedFirst) {
  const std::vector<LogUsage> logs{
      {.job = "new", .bytes = 40, .completed_at = at_ms(300)},
      {.job = "old", .bytes = 40, .completed_at = at_ms(100)},
      {.job = "middle", .bytes = 40, .completed_at = at_ms(200)},
  };
  EXPECT_THAT(choose_logs_to_delete(logs, 120), IsEmpty());
  EXPECT_THAT(choose_logs_to_delete(logs, 119), ElementsAre("old"));
  EXPECT_THAT(choose_logs_to_delete(logs, 79), ElementsAre("old", "middle"));
}

TEST(ChooseLogsToDelete, NeverTakesOneOfARunningJob) {
  EXPECT_THAT(choose_logs_to_delete({{.job = "running", .bytes = 500},
                                     {.job = "done", .bytes = 1, .completed_at = at_ms(1)}},
                                    100),
              ElementsAre("done"));
}

}  // namespace
}  // namespace flashpods::logs
