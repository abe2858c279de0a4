#include "executors/shim/end_cause.h"

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

using jobs::EndCause;

constexpr Time kStart{Milliseconds(1'000'000)};
constexpr Time kEnd{Milliseconds(2'000'000)};
constexpr Time kNow{Milliseconds(3'000'000)};

podman::ContainerRecord ended(int code) {
  podman::ContainerRecord record;
  record.status = "exited";
  record.exit_code = code;
  record.started_at = kStart;
  record.finished_at = kEnd;
  return record;
}

StopRecord stop(EndCause cause, Time at) { return {cause, at}; }

TEST(EndCause, PodmansCodeIsTheCommandsCode) {
  for (const int code : {0, 1, 125, 127, 137, 143, 255}) {
    const auto exited =
        judge_end({.record = ended(code), .init_status = {}, .stop = {}, .now = kNow});
    EXPECT_EQ(exited.cause, EndCause::kExited);
    EXPECT_EQ(exited.exit_code, code);
    EXPECT_EQ(exited.at, kEnd);
  }
}

TEST(EndCause, OutOfMemoryNeedsPodmansWordAndTheCode) {
  auto record = ended(137);
  record.oom_killed = true;
  EXPECT_EQ(judge_end({record, {}, {}, kNow}).cause, EndCause::kOomKilled);
  record.exit_code = 2;
  const auto exited = judge_end({record, {}, {}, kNow});
  EXPECT_EQ(exited.cause, EndCause::kExited);
  EXPECT_TRUE(exited.message.contains("memory"));
}

TEST(EndCause, AStopIsTheCauseUnlessItWasOverBefore) {
  const auto before = stop(EndCause::kTimedOut, kEnd - Milliseconds(1));
  const auto after = stop(EndCause::kCancelled, kEnd + Milliseconds(100));
  EXPECT_EQ(judge_end({ended(143), {}, before, kNow}).cause, EndCause::kTimedOut);
  EXPECT_EQ(judge_end({ended(143), {}, before, kNow}).exit_code, 143);
  EXPECT_EQ(judge_end({ended(0), {}, after, kNow}).cause, EndCause::kExited);
  EXPECT_EQ(judge_end({{}, {}, before, kNow}).cause, EndCause::kTimedOut);
}

TEST(EndCause, WhatAShimSawHoldsWhateverTheClockSays) {
  const auto before = stop(EndCause::kDiskQuota, kEnd - Milliseconds(100));
  const auto after = stop(EndCause::kDiskQuota, kEnd + Milliseconds(100));
  EXPECT_EQ(judge_end({ended(137), {}, after, kNow, true}).cause, EndCause::kDiskQuota);
  EXPECT_EQ(judge_end({ended(137), {}, before, kNow, false}).cause, EndCause::kExited);
  EXPECT_EQ(judge_end({ended(0), {}, {}, kNow, false}).cause, EndCause::kExited);
}

TEST(EndCause, AnEndNotedATickEarlyIsTheStopsAllTheSame) {
  const auto stopped = stop(EndCause::kTimedOut, kEnd + Milliseconds(4));
  EXPECT_EQ(judge_end({ended(143), {}, stopped, kNow}).cause, EndCause::kTimedOut);
}

TEST(EndCause, TheInitsOwnStatusStandsInForALostRecord) {
  auto running = ended(0);
  running.status = "running";
  running.finished_at.reset();
  const auto exited = judge_end({running, 6 << 8, {}, kNow});
  EXPECT_EQ(exited.cause, EndCause::kExited);
  EXPECT_EQ(exited.exit_code, 6);
  EXPECT_EQ(exited.at, kNow);
  const auto signalled = judge_end({{}, 9, {}, kNow});
  EXPECT_EQ(signalled.cause, EndCause::kSignalled);
  EXPECT_EQ(signalled.signal, 9);
}

TEST(EndCause, NothingKnownIsLost) {
  auto running = ended(0);
  running.status = "running";
  const auto exited = judge_end({running, {}, {}, kNow});
  EXPECT_EQ(exited.cause, EndCause::kLost);
  EXPECT_FALSE(exited.exit_code);
}

}  // namespace
}  // namespace flashpods::shim
