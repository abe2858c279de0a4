#include "store/event_hub.h"

#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/temporary_directory.h"
#include "store/store.h"

namespace flashpods {
namespace {

using boost::asio::co_spawn;
using boost::asio::detached;

Awaitable<void> count_changes(std::shared_ptr<EventWatch> watch, int& count, int until) {
  while (count < until) {
    co_await watch->changed();
    ++count;
  }
}

struct EventHubTest : testing::Test {
  boost::asio::io_context loop{1};
  EventHub hub;
};

TEST_F(EventHubTest, WakesEveryWatchOfTheSubjectAndNoOther) {
  int first = 0, second = 0, other = 0;
  co_spawn(loop, count_changes(hub.watch("job_a", loop.get_executor()), first, 1), detached);
  co_spawn(loop, count_changes(hub.watch("job_a", loop.get_executor()), second, 1), detached);
  const auto elsewhere = hub.watch("job_b", loop.get_executor());
  co_spawn(loop, count_changes(elsewhere, other, 1), detached);
  loop.run_for(std::chrono::milliseconds{1});
  hub.publish("job_a");
  loop.poll();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(other, 0);
  elsewhere->notify();
  loop.run();
  EXPECT_EQ(other, 1);
}

TEST_F(EventHubTest, AChangeBeforeTheWaitIsNotMissed) {
  int count = 0;
  const auto watch = hub.watch("job_a", loop.get_executor());
  hub.publish("job_a");
  co_spawn(loop, count_changes(watch, count, 1), detached);
  loop.run();
  EXPECT_EQ(count, 1);
}

TEST_F(EventHubTest, PublishesFromAnotherThread) {
  int count = 0;
  co_spawn(loop, count_changes(hub.watch("job_a", loop.get_executor()), count, 1), detached);
  std::jthread publisher([this] { hub.publish("job_a"); });
  loop.run();
  EXPECT_EQ(count, 1);
}

TEST_F(EventHubTest, AWatchThatIsGoneHearsNothing) {
  hub.watch("job_a", loop.get_executor()).reset();
  hub.publish("job_a");
  EXPECT_EQ(loop.run(), 0U);
}

Awaitable<void> change_or_give_up(std::shared_ptr<EventWatch> watch, bool& cancelled) {
  using boost::asio::experimental::awaitable_operators::operator||;
  boost::asio::steady_timer soon(co_await boost::asio::this_coro::executor);
  soon.expires_after(std::chrono::milliseconds{1});
  const auto first = co_await (watch->changed() || soon.async_wait(boost::asio::use_awaitable));
  cancelled = first.index() == 1;
}

TEST_F(EventHubTest, AWaitCanBeCancelled) {
  bool cancelled = false;
  co_spawn(loop, change_or_give_up(hub.watch("job_a", loop.get_executor()), cancelled), detached);
  loop.run();
  EXPECT_TRUE(cancelled);
}

Awaitable<void> commit_events(Store& store) {
  co_await store.transact([](Transaction& tx) -> Result<void> {
    tx.run("INSERT INTO events (job_id, kind, at) VALUES ('job_undone', 'x', 't')");
    return fail(ErrorKind::kConflict, "undone", "no");
  });
  co_await store.transact([](Transaction& tx) {
    tx.run("INSERT INTO events (job_id, kind, at) VALUES ('job_a', 'x', 't')");
    tx.run("INSERT INTO events (upload_id, kind, at) VALUES ('upload_a', 'x', 't')");
  });
}

TEST(StoreEvents, ACommitTellsItsSubjects) {
  const TemporaryDirectory directory;
  for (const auto threading :
       {SqliteStore::Threading::kInline, SqliteStore::Threading::kOwnThread}) {
    boost::asio::io_context loop{1};
    const auto store = SqliteStore::open(directory / "flashpods.db", threading).value();
    const auto of_nothing = store->events().watch("job_undone", loop.get_executor());
    int undone = 0, job = 0, upload = 0;
    co_spawn(loop, count_changes(of_nothing, undone, 1), detached);
    co_spawn(loop, count_changes(store->events().watch("job_a", loop.get_executor()), job, 1),
             detached);
    co_spawn(loop, count_changes(store->events().watch("upload_a", loop.get_executor()), upload, 1),
             detached);
    co_spawn(loop, commit_events(*store), detached);
    while (job == 0 || upload == 0) loop.run_one();
    EXPECT_EQ(undone, 0);
    of_nothing->notify();
    loop.run();
  }
}

}  // namespace
}  // namespace flashpods
