#include "async/task_group.h"

#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "async/blocking_pool.h"
#include "async/with_timeout.h"

namespace flashpods {
namespace {

using namespace std::chrono_literals;

struct Fixture : testing::Test {
  void run(Awaitable<void> task) {
    boost::asio::co_spawn(io, std::move(task), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io.run();
    io.restart();
  }

  boost::asio::io_context io{1};
  SystemTimer timer;
  std::string errors;
  TaskGroup group{io.get_executor(), [this](const std::string& name, const std::string& what) {
                    errors += name + ": " + what;
                  }};
};

Awaitable<void> sleep_then_set(Timer& timer, Milliseconds duration, bool& done) {
  co_await timer.sleep_for(duration);
  done = true;
}

Awaitable<void> throw_soon(Timer& timer) {
  co_await timer.sleep_for(1ms);
  throw std::runtime_error("broken");
}

Awaitable<int> give(int value) { co_return value; }

using TaskGroupTest = Fixture;

TEST_F(TaskGroupTest, JoinWaitsForEachTask) {
  bool first = false, second = false;
  group.start("first", sleep_then_set(timer, 1ms, first));
  group.start("second", sleep_then_set(timer, 5ms, second));
  run(group.join());
  EXPECT_TRUE(first && second);
  EXPECT_EQ(group.running(), 0U);
}

TEST_F(TaskGroupTest, CloseCancelsWhatStillRuns) {
  bool done = false;
  group.start("long", sleep_then_set(timer, 1h, done));
  run(group.close());
  EXPECT_FALSE(done);
  EXPECT_EQ(errors, "");
}

TEST_F(TaskGroupTest, AThrowingTaskIsReportedAndEndsAlone) {
  bool done = false;
  group.start("bad", throw_soon(timer));
  group.start("good", sleep_then_set(timer, 5ms, done));
  run(group.join());
  EXPECT_TRUE(done);
  EXPECT_EQ(errors, "bad: broken");
}

Awaitable<void> expect_timeouts(Timer& timer) {
  bool done = false;
  EXPECT_FALSE(co_await with_timeout(timer, 1ms, sleep_then_set(timer, 1h, done)));
  EXPECT_TRUE(co_await with_timeout(timer, 1h, sleep_then_set(timer, 1ms, done)));
  EXPECT_TRUE(done);
  const std::optional<int> value = co_await with_timeout(timer, 1h, give(7));
  EXPECT_EQ(value, 7);
}

using WithTimeoutTest = Fixture;
TEST_F(WithTimeoutTest, TheFirstToEndDecides) { run(expect_timeouts(timer)); }

Awaitable<void> expect_pool_value(BlockingPool& pool) {
  const auto loop_thread = std::this_thread::get_id();
  const auto pool_thread = co_await pool.run([] { return std::this_thread::get_id(); });
  EXPECT_TRUE(pool_thread != loop_thread);
  EXPECT_TRUE(std::this_thread::get_id() == loop_thread);
}

using BlockingPoolTest = Fixture;
TEST_F(BlockingPoolTest, WorkRunsThereAndTheCallerResumesHere) {
  BlockingPool pool(1);
  run(expect_pool_value(pool));
}

}  // namespace
}  // namespace flashpods
