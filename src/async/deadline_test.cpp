#include "async/deadline.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "async/fake_timer.h"
#include "async/with_timeout.h"

namespace flashpods {
namespace {

using namespace std::chrono_literals;

class DeadlineTest : public testing::Test {
 protected:
  /// Lets all run that needs no time.
  void settle() {
    io_.restart();
    io_.poll();
  }
  void wait() {
    boost::asio::co_spawn(io_, deadline_.passed(), [this](std::exception_ptr) { passed_ = true; });
    settle();
  }
  void advance(Milliseconds by) {
    timer_.advance(by);
    settle();
  }

  boost::asio::io_context io_{1};
  FakeClock clock_;
  FakeTimer timer_{clock_};
  Deadline deadline_{clock_, timer_, io_.get_executor()};
  bool passed_ = false;
};

TEST_F(DeadlineTest, PassesAtItsTimeWhateverTheWallClockSays) {
  deadline_.set(10min);
  wait();
  clock_.jump(24h);
  advance(10min - 1ms);
  EXPECT_FALSE(passed_);
  clock_.jump(-48h);
  advance(1ms);
  EXPECT_TRUE(passed_);
}

TEST_F(DeadlineTest, IsBroughtForwardWhileSomebodyWaits) {
  deadline_.set(10min);
  wait();
  deadline_.bring_forward(1min);
  deadline_.bring_forward(5min);
  settle();
  advance(1min);
  EXPECT_TRUE(passed_);
}

TEST_F(DeadlineTest, IsPutOffWhileSomebodyWaits) {
  deadline_.set(1min);
  wait();
  deadline_.set(10min);
  settle();
  advance(9min);
  EXPECT_FALSE(passed_);
  advance(1min);
  EXPECT_TRUE(passed_);
}

TEST_F(DeadlineTest, NeverIsLong) {
  wait();
  for (int day = 0; day < 400; ++day) advance(24h);
  EXPECT_FALSE(passed_);
  deadline_.set(0ms);
  settle();
  EXPECT_TRUE(passed_);
}

Awaitable<int> throw_at_once() {
  throw std::runtime_error("broken");
  co_return 1;
}

TEST_F(DeadlineTest, AFailureDoesNotWaitForTheTimeout) {
  std::string what;
  boost::asio::co_spawn(io_, with_timeout(timer_, 10min, throw_at_once()),
                        [&](std::exception_ptr error, std::optional<int>) {
                          try {
                            if (error) std::rethrow_exception(error);
                          } catch (const std::runtime_error& e) {
                            what = e.what();
                          }
                        });
  settle();
  EXPECT_EQ(what, "broken");
}

}  // namespace
}  // namespace flashpods
