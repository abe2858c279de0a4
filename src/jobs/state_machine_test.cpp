#include "jobs/state_machine.h"

#include <array>

#include <gtest/gtest.h>

namespace flashpods::jobs {
namespace {

constexpr std::array kAll{Status::kPending,   Status::kStarting, Status::kRunning,
                          Status::kCompleted, Status::kFailed,   Status::kTimedOut,
                          Status::kCancelled, Status::kCleaning, Status::kCleaned};

TEST(StateMachine, NothingMovesBackwardsOrStays) {
  for (const Status from : kAll) {
    for (const Status to : kAll) {
      if (may_become(from, to)) {
        EXPECT_LT(static_cast<int>(from), static_cast<int>(to))
            << to_string(from) << " → " << to_string(to);
      }
    }
  }
}

TEST(StateMachine, ATerminalStateOnlyLeadsToCleaning) {
  for (const Status from : kAll) {
    if (!is_terminal(from)) continue;
    for (const Status to : kAll) EXPECT_EQ(may_become(from, to), to == Status::kCleaning);
  }
}

TEST(StateMachine, OnlyWhatStartedCanCompleteOrTimeOut) {
  EXPECT_FALSE(may_become(Status::kPending, Status::kCompleted));
  EXPECT_FALSE(may_become(Status::kPending, Status::kTimedOut));
  EXPECT_FALSE(may_become(Status::kPending, Status::kRunning));
  EXPECT_TRUE(may_become(Status::kStarting, Status::kCompleted));
  EXPECT_TRUE(may_become(Status::kRunning, Status::kTimedOut));
}

TEST(StateMachine, CleanedIsTheEnd) {
  for (const Status to : kAll) EXPECT_FALSE(may_become(Status::kCleaned, to));
}

TEST(Words, EachStateReadsBackAsItself) {
  for (const Status status : kAll) EXPECT_EQ(parse_status(to_string(status)), status);
  EXPECT_FALSE(parse_status("Running"));
  EXPECT_FALSE(parse_status(""));
}

}  // namespace
}  // namespace flashpods::jobs
