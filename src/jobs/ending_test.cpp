#include "jobs/ending.h"

#include <gtest/gtest.h>

namespace flashpods::jobs {
namespace {

Exited exited_with(EndCause cause, std::optional<int> code = std::nullopt) {
  Exited exited;
  exited.cause = cause;
  exited.exit_code = code;
  exited.started = Started{};
  return exited;
}

Job stopped() {
  Job job;
  job.stop_requested_at = Time{};
  return job;
}

TEST(Ending, ExitCodesSpeakForThemselves) {
  EXPECT_EQ(decide_ending({}, exited_with(EndCause::kExited, 0)).status, Status::kCompleted);
  const Ending failed = decide_ending({}, exited_with(EndCause::kExited, 2));
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_EQ(failed.error, "exit");
}

TEST(Ending, WhatTheExecutorKnowsIsSaid) {
  Exited exited = exited_with(EndCause::kExited, 139);
  EXPECT_EQ(decide_ending({}, exited).message, "The command exited with code 139");
  exited.message = "128 + 11: signal 11 may have ended it";
  EXPECT_EQ(decide_ending({}, exited).message, exited.message);
}

TEST(Ending, A137ByHandIsNoOutOfMemory) {
  EXPECT_EQ(decide_ending({}, exited_with(EndCause::kExited, 137)).error, "exit");
  EXPECT_EQ(decide_ending({}, exited_with(EndCause::kOomKilled, 137)).error, "oom_killed");
}

TEST(Ending, WhoFilledTheDiskIsToldHowMuchItWas) {
  Exited exited = exited_with(EndCause::kDiskQuota, 137);
  exited.message = "The job had 21.0 GB on disk; it may have 20.0 GB (jobs.max_job_disk_gb).";
  const Ending ending = decide_ending({}, exited);
  EXPECT_EQ(ending.status, Status::kFailed);
  EXPECT_EQ(ending.error, "disk_quota");
  EXPECT_EQ(ending.message, exited.message);
}

TEST(Ending, WhoTookTheKernelsResourcesIsToldWhich) {
  Exited exited = exited_with(EndCause::kKernelLimit, 137);
  EXPECT_NE(decide_ending({}, exited).message, "");
  exited.message = "The job had more than 9 descriptors registered with epoll.";
  const Ending ending = decide_ending({}, exited);
  EXPECT_EQ(ending.status, Status::kFailed);
  EXPECT_EQ(ending.error, "kernel_limit");
  EXPECT_EQ(ending.message, exited.message);
}

TEST(Ending, OnlyACommandsOwnCodeIsExplained) {
  for (const int code : {127, 137}) {
    const Exited by_itself = exited_with(EndCause::kExited, code);
    EXPECT_TRUE(advise({}, decide_ending({}, by_itself), by_itself, "")) << code;
    const Exited ended = exited_with(EndCause::kDiskQuota, code);
    EXPECT_FALSE(advise({}, decide_ending({}, ended), ended, "")) << code;
  }
}

TEST(Ending, ItsTimeIsTheExecutors) {
  const Time start{std::chrono::hours{10}};
  const Time end = start + std::chrono::minutes{1};
  const Time now = end + std::chrono::hours{3};
  Job job;
  job.created_at = start - std::chrono::seconds{5};
  Exited exited = exited_with(EndCause::kExited, 0);
  exited.started->at = start;
  EXPECT_EQ(ended_at(job, exited, now), now) << "the executor knows none";
  exited.at = end;
  EXPECT_EQ(ended_at(job, exited, now), end);
  EXPECT_EQ(ended_at(job, exited, end - std::chrono::seconds{1}), end - std::chrono::seconds{1});
  exited.at = start - std::chrono::hours{1};
  EXPECT_EQ(ended_at(job, exited, now), start);
  exited.started.reset();
  EXPECT_EQ(ended_at(job, exited, now), job.created_at);
}

TEST(Ending, WhatNeverRanIsToldInPodmansWords) {
  for (const auto& [cause, error] : {std::pair{EndCause::kImageNotFound, "image_not_found"},
                                     std::pair{EndCause::kImagePullFailed, "image_pull_failed"},
                                     std::pair{EndCause::kStartFailed, "container_start_failed"}}) {
    Exited exited;
    exited.cause = cause;
    EXPECT_NE(decide_ending({}, exited).message, "");
    exited.message = "no such image";
    const Ending ending = decide_ending({}, exited);
    EXPECT_EQ(ending.status, Status::kFailed);
    EXPECT_EQ(ending.error, error);
    EXPECT_EQ(ending.message, "no such image");
  }
}

TEST(Ending, ACancelledJobNeverCompletes) {
  EXPECT_EQ(decide_ending(stopped(), exited_with(EndCause::kExited, 0)).status, Status::kCancelled);
  EXPECT_EQ(decide_ending(stopped(), exited_with(EndCause::kLost)).status, Status::kCancelled);
  EXPECT_EQ(decide_ending(stopped(), exited_with(EndCause::kTimedOut)).status, Status::kTimedOut);
}

TEST(Ending, ACommandThatEndedBeforeTheStopKeepsItsEnd) {
  Job job;
  job.stop_requested_at = Time{Seconds{10}};
  Exited exited = exited_with(EndCause::kExited, 0);
  exited.at = Time{Seconds{9}};
  EXPECT_EQ(decide_ending(job, exited).status, Status::kCompleted);
  exited.at = Time{Seconds{10}};
  EXPECT_EQ(decide_ending(job, exited).status, Status::kCancelled);
  exited.cause = EndCause::kCancelled;
  exited.at = Time{Seconds{9}};
  EXPECT_EQ(decide_ending(job, exited).status, Status::kCancelled);
}

TEST(Ending, AnIncompleteLogIsSaidWhateverTheEnd) {
  Exited exited = exited_with(EndCause::kExited, 0);
  exited.log_incomplete = true;
  const auto advice = advise({}, decide_ending({}, exited), exited, "");
  ASSERT_TRUE(advice);
  EXPECT_TRUE(advice->contains("log may be incomplete")) << *advice;
}

TEST(Ending, WhatIsLostIsNamedByHowFarItGot) {
  Exited lost = exited_with(EndCause::kLost);
  EXPECT_EQ(decide_ending({}, lost).error, "container_lost_on_recovery");
  lost.started.reset();
  EXPECT_EQ(decide_ending({}, lost).error, "container_not_found_on_recovery");
}

TEST(Ending, AnArtifactConflictFailsEvenSuccess) {
  const Ending success = decide_ending({}, exited_with(EndCause::kExited, 0));
  const Ending conflict = with_artifact_conflict(success, "out.tar.gz");
  EXPECT_EQ(conflict.status, Status::kFailed);
  EXPECT_EQ(conflict.error, "artifact_name_conflict");
  EXPECT_EQ(conflict.message, "Artifact 'out.tar.gz' already exists");
  const Ending cancelled = decide_ending(stopped(), exited_with(EndCause::kExited, 0));
  EXPECT_EQ(with_artifact_conflict(cancelled, "x").status, Status::kCancelled);
}

TEST(Advice, AFailureOnReadOnlyWorkIsExplained) {
  const Exited exited = exited_with(EndCause::kExited, 1);
  Job job;
  const Ending ending = decide_ending(job, exited);
  const auto hint = advise(job, ending, exited, "cc: a.o: Read-only file system\n");
  ASSERT_TRUE(hint.has_value());
  EXPECT_NE(hint->find("scratch"), std::string::npos);
  job.request.workspace = Workspace::kScratch;
  EXPECT_FALSE(advise(job, ending, exited, "cc: a.o: Read-only file system\n"));
  EXPECT_FALSE(advise({}, ending, exited, "error: expected ';'"));
}

}  // namespace
}  // namespace flashpods::jobs
