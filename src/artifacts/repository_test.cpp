#include "artifacts/repository.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "artifacts/artifact_test_support.h"
#include "store/store.h"

namespace flashpods::artifacts {
namespace {

constexpr Time kNow{Milliseconds{1'700'000'000'000}};

class Repository : public ::testing::Test {
 protected:
  template <class Body>
  auto transact(Body body) {
    boost::asio::io_context loop;
    auto done =
        boost::asio::co_spawn(loop, store_->transact(std::move(body)), boost::asio::use_future);
    loop.run();
    return done.get();
  }

  void SetUp() override {
    store_ = SqliteStore::open(directory_.root() / "db", SqliteStore::Threading::kInline).value();
    transact([](Transaction& tx) {
      for (const auto* job : {"job_a", "job_b"}) add_job(tx, job);
    });
  }

  static void add_job(Transaction& tx, const char* job);

  TestJob directory_;
  std::unique_ptr<SqliteStore> store_;
};

void Repository::add_job(Transaction& tx, const char* job) {
  tx.run(
      "INSERT INTO jobs (id, job_type, status, image, created_at)"
      " VALUES (?1, 'worker', 'running', 'debian', ?2)",
      {to_value(job), to_value(kNow)});
}

TEST_F(Repository, StoresAndFinds) {
  transact([](Transaction& tx) {
    insert_all(tx, "job_a", {{"z", 3, "dd"}, {"a", 4, "ee"}}, kNow);
    insert_all(tx, "job_b", {{"a", 100, "ff"}}, kNow);
    const auto all = list(tx, "job_a");
    ASSERT_EQ(all.size(), 2);
    EXPECT_EQ(all[0].artifact, (Artifact{"a", 4, "ee"}));
    EXPECT_EQ(all[0].created_at, kNow);
    EXPECT_EQ(find(tx, "job_a", "z")->artifact.sha256, "dd");
    EXPECT_FALSE(find(tx, "job_b", "z"));
    EXPECT_EQ(totals(tx, "job_a").size_bytes, 7);
    EXPECT_EQ(totals(tx, "job_a").count, 2);
    EXPECT_EQ(counted_bytes(tx), 3 * kLeastCountedBytes) << "small ones";
  });
}

TEST_F(Repository, MayStoreAgainAndRemoves) {
  transact([](Transaction& tx) {
    insert_all(tx, "job_a", {{"a", 1, "x"}}, kNow);
    insert_all(tx, "job_a", {{"a", 1, "x"}}, kNow);
    EXPECT_EQ(totals(tx, "job_a").count, 1);
    remove_all(tx, "job_a");
    EXPECT_TRUE(list(tx, "job_a").empty());
    EXPECT_EQ(counted_bytes(tx), 0);
  });
}

}  // namespace
}  // namespace flashpods::artifacts
