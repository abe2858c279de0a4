#include "async/semaphore.h"

#include <string>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "async/task_group.h"
#include "async/timer.h"

namespace flashpods {
namespace {

using namespace std::chrono_literals;

Awaitable<void> work(Semaphore& semaphore, int& inside, int& most, std::string& order, char name) {
  SystemTimer timer;
  const auto permit = co_await semaphore.acquire();
  order += name;
  most = std::max(most, ++inside);
  co_await timer.sleep_for(1ms);
  --inside;
}

struct SemaphoreTest : testing::Test {
  boost::asio::io_context io{1};
  Semaphore semaphore{2};
  TaskGroup group{io.get_executor(), [](const auto&, const auto& what) { FAIL() << what; }};
  int inside = 0, most = 0;
  std::string order;
};

TEST_F(SemaphoreTest, LetsInAsManyAsItHasPermitsInOrder) {
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) {
    group.start("work", work(semaphore, inside, most, order, name));
  }
  io.run();
  EXPECT_EQ(most, 2);
  EXPECT_EQ(order, "abcde");
  EXPECT_TRUE(semaphore.try_acquire());
}

TEST_F(SemaphoreTest, ACancelledWaiterLosesNoPermit) {
  auto first = semaphore.try_acquire();
  auto second = semaphore.try_acquire();
  EXPECT_FALSE(semaphore.try_acquire());
  group.start("waits", work(semaphore, inside, most, order, 'x'));
  io.poll();
  TaskGroup closer{io.get_executor(), [](const auto&, const auto&) {}};
  closer.start("close", group.close());
  io.restart();
  io.run();
  EXPECT_EQ(order, "");
  first.give_back();
  second.give_back();
  first = semaphore.try_acquire();
  second = semaphore.try_acquire();
  EXPECT_TRUE(first && second);
}

}  // namespace
}  // namespace flashpods
