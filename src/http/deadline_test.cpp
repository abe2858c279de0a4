#include "http/deadline.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace flashpods::http {
namespace {

constexpr Milliseconds kSoon{1};
constexpr Milliseconds kLong{3'600'000};

struct DeadlineTest : testing::Test {
  boost::asio::io_context io{1};
  int calls = 0;
  std::unique_ptr<Deadline> deadline =
      std::make_unique<Deadline>(io.get_executor(), [this] { ++calls; });
};

TEST_F(DeadlineTest, ExpiresOnce) {
  deadline->arm(kSoon);
  io.run();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(deadline->expired());
}

TEST_F(DeadlineTest, AnEarlierMomentReplacesALaterOne) {
  deadline->arm(kLong);
  deadline->arm(kSoon);
  io.run();
  EXPECT_EQ(calls, 1);
}

TEST_F(DeadlineTest, AMovedMomentIsWaitedForAgain) {
  deadline->arm(kSoon);
  deadline->arm(Milliseconds(2000));
  io.run_one();  // the first moment passes, unseen
  EXPECT_EQ(calls, 0);
  io.run();
  EXPECT_EQ(calls, 1);
}

TEST_F(DeadlineTest, DisarmedItNeverExpires) {
  deadline->arm(kSoon);
  deadline->disarm();
  io.run();
  EXPECT_EQ(calls, 0);
}

TEST_F(DeadlineTest, CancelledItKeepsNoLoopWaiting) {
  deadline->arm(kLong);
  deadline->cancel();
  io.run();
  deadline->arm(kSoon);
  io.restart();
  io.run();
  EXPECT_EQ(calls, 1);
}

TEST_F(DeadlineTest, DestroyedItNeverCalls) {
  deadline->arm(kSoon);
  deadline.reset();
  io.run();
  EXPECT_EQ(calls, 0);
}

TEST_F(DeadlineTest, AnEndlessLimitIsNoOverflow) {
  deadline->arm(Milliseconds::max());
  deadline->cancel();
  io.run();
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace flashpods::http
