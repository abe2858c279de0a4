#include "executors/shim/disk_budget.h"

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGigabyte = std::uint64_t{1024} * 1024 * 1024;
constexpr DiskBudget::Limits kLimits{10 * kGigabyte, 2 * kGigabyte};

/// Of a job that has nothing on disk, which was seen.
DiskBudget fresh(std::uint64_t free = 100 * kGigabyte) {
  DiskBudget budget(kLimits, {free}, 0ms);
  budget.counted(0, {free});
  return budget;
}

TEST(DiskBudget, WhatAJobHadBeforeItWasWatchedIsCountedSoon) {
  DiskBudget budget(kLimits, {100 * kGigabyte}, 0ms);
  EXPECT_EQ(budget.wait({100 * kGigabyte}), 1s);
  EXPECT_TRUE(budget.must_count({100 * kGigabyte}, 1s));
  EXPECT_FALSE(budget.exceeded());
  budget.counted(11 * kGigabyte, {100 * kGigabyte});
  EXPECT_TRUE(budget.exceeded());
}

TEST(DiskBudget, AFirstCountThatFailedIsTriedAgainAfterARest) {
  DiskBudget budget(kLimits, {100 * kGigabyte}, 0ms);
  budget.tried(1s, 3s);
  EXPECT_EQ(budget.wait({100 * kGigabyte}), 1s);
  EXPECT_FALSE(budget.must_count({100 * kGigabyte}, 10s));
  EXPECT_TRUE(budget.must_count({100 * kGigabyte}, 11s));
}

TEST(DiskBudget, AQuietHostIsAskedSeldomAndNothingIsCounted) {
  const auto budget = fresh();
  EXPECT_EQ(budget.wait({100 * kGigabyte}), 5120ms);  // ten gigabytes at two a second
  EXPECT_FALSE(budget.must_count({100 * kGigabyte}, 10s));
  EXPECT_FALSE(budget.exceeded());
}

TEST(DiskBudget, TheLessIsLeftTheSoonerItLooks) {
  const auto budget = fresh();
  EXPECT_EQ(budget.wait({98 * kGigabyte}), 4096ms);
  EXPECT_EQ(budget.wait({91 * kGigabyte}), 512ms);
  EXPECT_EQ(budget.wait({80 * kGigabyte}), 200ms);
  EXPECT_EQ(budget.wait({3 * kGigabyte}), 200ms);
}

TEST(DiskBudget, WhatItMayHaveTakenIsCounted) {
  auto budget = fresh();
  EXPECT_FALSE(budget.must_count({90 * kGigabyte}, 1s));
  EXPECT_TRUE(budget.must_count({89 * kGigabyte}, 1s));
  budget.counted(kGigabyte, {89 * kGigabyte});  // it was somebody else
  EXPECT_FALSE(budget.exceeded());
  EXPECT_FALSE(budget.must_count({81 * kGigabyte}, 2s));
  EXPECT_TRUE(budget.must_count({79 * kGigabyte}, 2s));
}

TEST(DiskBudget, BeyondTheLimitItEnds) {
  auto budget = fresh();
  budget.counted(10 * kGigabyte, {90 * kGigabyte});
  EXPECT_FALSE(budget.exceeded());
  budget.counted(10 * kGigabyte + 1, {90 * kGigabyte});
  ASSERT_TRUE(budget.exceeded());
  EXPECT_NE(budget.exceeded()->find("10.0 GB"), std::string::npos);
}

TEST(DiskBudget, SomebodyElsesDeletionsHideNothingForLong) {
  const auto budget = fresh();
  EXPECT_FALSE(budget.must_count({200 * kGigabyte}, 119s));
  EXPECT_TRUE(budget.must_count({200 * kGigabyte}, 120s));
}

TEST(DiskBudget, ALongCountIsFollowedByALongerRest) {
  auto budget = fresh();
  budget.tried(10s, 15s);
  budget.counted(kGigabyte, {89 * kGigabyte});
  EXPECT_FALSE(budget.must_count({1 * kGigabyte}, 34s));
  EXPECT_TRUE(budget.must_count({1 * kGigabyte}, 35s));
}

TEST(DiskBudget, ACountThatFailedIsFollowedByARestToo) {
  auto budget = fresh();
  budget.tried(10s, 70s);
  EXPECT_FALSE(budget.exceeded());
  EXPECT_FALSE(budget.must_count({1 * kGigabyte}, 309s));
  EXPECT_TRUE(budget.must_count({1 * kGigabyte}, 310s));
}

TEST(DiskBudget, BelowTheFloorOnlyTheOneThatGrowsEnds) {
  auto quiet = fresh(3 * kGigabyte);
  auto greedy = fresh(3 * kGigabyte);
  const DiskBudget::Free low{2 * kGigabyte - 1};
  EXPECT_TRUE(quiet.must_count(low, 1s));
  quiet.counted(5 * kGigabyte, low);
  greedy.counted(1 * kGigabyte, low);
  EXPECT_FALSE(greedy.exceeded());
  EXPECT_FALSE(quiet.must_count(low, 2s));  // nobody wrote

  const DiskBudget::Free lower{2 * kGigabyte - 2 * DiskBudget::kTolerance};
  EXPECT_TRUE(quiet.must_count(lower, 3s));
  quiet.counted(5 * kGigabyte, lower);
  greedy.counted(1 * kGigabyte + DiskBudget::kTolerance + 1, lower);
  EXPECT_FALSE(quiet.exceeded());
  EXPECT_TRUE(greedy.exceeded());
}

TEST(DiskBudget, OnceThereIsRoomAgainTheFloorIsForgotten) {
  auto budget = fresh(3 * kGigabyte);
  budget.counted(kGigabyte, {kGigabyte});
  budget.counted(kGigabyte, {50 * kGigabyte});
  budget.counted(2 * kGigabyte, {kGigabyte});
  EXPECT_FALSE(budget.exceeded());
}

TEST(DiskBudget, EachFilesystemCounts) {
  DiskBudget budget{kLimits, {100 * kGigabyte, 50 * kGigabyte}, 0ms};
  budget.counted(0, {100 * kGigabyte, 50 * kGigabyte});
  EXPECT_FALSE(budget.must_count({99 * kGigabyte, 49 * kGigabyte}, 1s));
  EXPECT_TRUE(budget.must_count({100 * kGigabyte, 39 * kGigabyte}, 1s));
  EXPECT_TRUE(budget.must_count({100 * kGigabyte, kGigabyte}, 1s));
}

TEST(DiskBudget, WithoutLimitsNothingEver) {
  DiskBudget budget{{}, {kGigabyte}, 0ms};
  EXPECT_EQ(budget.wait({kGigabyte}), 512ms);
  EXPECT_FALSE(budget.must_count({0}, 1s));
  budget.counted(100 * kGigabyte, {0});
  EXPECT_FALSE(budget.exceeded());
}

}  // namespace
}  // namespace flashpods::shim
