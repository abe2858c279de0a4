#include "cli/job_end.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::cli {
namespace {

nlohmann::json failed(const char* cause) {
  return {{"status", "failed"}, {"outcome", "failed"}, {"error", cause}};
}

TEST(JobExitCode, IsTheCommandsOwn) {
  auto job = failed("exit");
  job["exit_code"] = 3;
  EXPECT_EQ(job_exit_code(job), 3);
  EXPECT_EQ(job_exit_code({{"status", "completed"}, {"exit_code", 0}}), 0);
}

TEST(JobExitCode, TheCommandsOwn125StaysItsOwn) {
  auto job = failed("exit");
  job["exit_code"] = 125;
  EXPECT_EQ(job_exit_code(job), 125);
}

TEST(JobExitCode, NamesWhatEndedItOtherwise) {
  EXPECT_EQ(job_exit_code({{"status", "timed_out"}, {"exit_code", nullptr}}), 124);
  EXPECT_EQ(job_exit_code({{"status", "cancelled"}, {"exit_code", 143}}), 130);
  EXPECT_EQ(job_exit_code(failed("oom_killed")), 137);
  auto killed = failed("signal");
  killed["signal"] = 11;
  EXPECT_EQ(job_exit_code(killed), 139);
}

TEST(JobExitCode, IsOursWhereTheCommandNeverHadItsSay) {
  for (const char* cause : {"image_not_found", "image_pull_failed", "container_start_failed",
                            "container_lost_on_recovery", "artifact_name_conflict"}) {
    EXPECT_EQ(job_exit_code(failed(cause)), kOwnFailureExit) << cause;
  }
}

TEST(JobExitCode, OutcomeCountsOnceTheJobIsCleaned) {
  EXPECT_EQ(job_exit_code({{"status", "cleaned"}, {"outcome", "timed_out"}}), 124);
  EXPECT_EQ(job_exit_code({{"status", "cleaning"}, {"outcome", "completed"}}), 0);
}

TEST(JobExitCode, OddRepliesAreOurFailureNotSuccess) {
  EXPECT_EQ(job_exit_code(nlohmann::json{}), kOwnFailureExit);
  EXPECT_EQ(job_exit_code({{"status", 7}}), kOwnFailureExit);
  auto job = failed("exit");
  job["exit_code"] = 0;
  EXPECT_EQ(job_exit_code(job), kOwnFailureExit);
}

TEST(HasEnded, FollowsStatusAndOutcome) {
  EXPECT_FALSE(has_ended({{"status", "running"}, {"outcome", nullptr}}));
  EXPECT_FALSE(has_ended({{"status", "pending"}}));
  EXPECT_TRUE(has_ended({{"status", "cancelled"}}));
  EXPECT_TRUE(has_ended({{"status", "cleaning"}, {"outcome", "failed"}}));
  EXPECT_TRUE(has_ended({{"status", "cleaned"}}));
}

TEST(DescribeEnd, SaysWhyAndHowLong) {
  auto job = failed("exit");
  job["exit_code"] = 2;
  job["actual_runtime_seconds"] = 512;
  EXPECT_EQ(describe_end(job), "failed (exit code 2) after 8m 32s");
  auto absent = failed("image_not_found");
  absent["message"] = "no such image";
  EXPECT_EQ(describe_end(absent), "failed (image_not_found): no such image");
  EXPECT_EQ(describe_end({{"status", "completed"}, {"elapsed_seconds", 5}}), "completed after 5s");
}

TEST(DescribeLosses, SaysWhatTheLimitsLeftOut) {
  EXPECT_EQ(describe_losses(nlohmann::json{}), "");
  nlohmann::json job{{"log", {{"truncated", false}, {"total_bytes", 5}}},
                     {"artifacts", {{"count", 1}, {"rejected", 0}}}};
  EXPECT_EQ(describe_losses(job), "");
  job["artifacts"]["rejected"] = 1;
  EXPECT_EQ(describe_losses(job), "1 artifact was rejected");
  job["artifacts"]["rejected"] = 2;
  job["log"] = {{"truncated", true}, {"total_bytes", 52'428'800}};
  EXPECT_EQ(describe_losses(job),
            "only the first 52 MB of the output were kept; 2 artifacts were rejected");
}

}  // namespace
}  // namespace flashpods::cli
