#include "uploads/repository.h"

#include <gtest/gtest.h>

#include "uploads/test_support.h"

namespace flashpods::uploads {
namespace {

using namespace std::chrono_literals;

class Repository : public testing::Test {
 protected:
  template <class Body>
  auto in(Body body) {
    return world_.transact(std::move(body));
  }
  Time now() const { return world_.clock.now(); }

  void make_finalized(const std::string& id) {
    in([&](Transaction& tx) {
      ASSERT_TRUE(begin(tx, id, "127.0.0.1", now(), world_.limits));
      ASSERT_TRUE(finalize(tx, id, 100, 3, now(), world_.limits));
    });
  }
  std::string reserve_code(const std::string& id, const std::string& job) {
    const auto result = in([&](Transaction& tx) { return reserve(tx, id, job, now()); });
    return result ? "ok" : result.error().code;
  }
  Upload row(const std::string& id) {
    return in([&](Transaction& tx) { return find(tx, id); }).value();
  }
  std::vector<std::string> events(const std::string& id) {
    return in([&](Transaction& tx) {
      std::vector<std::string> kinds;
      for (const auto& row :
           tx.rows("SELECT kind FROM events WHERE upload_id = ?1 ORDER BY seq", {to_value(id)})) {
        kinds.push_back(row.text("kind"));
      }
      return kinds;
    });
  }

  UploadsWorld world_;
};

TEST_F(Repository, BeginMakesTheRowAndRenewsIt) {
  const auto begun =
      in([&](Transaction& tx) { return begin(tx, "upload_a", "1.2.3.4", now(), world_.limits); });
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->state, State::kUploading);
  EXPECT_EQ(begun->owner, "1.2.3.4");
  EXPECT_EQ(begun->expires_at, now() + 30min);
  world_.clock.advance(10min);
  const auto again =
      in([&](Transaction& tx) { return begin(tx, "upload_a", "1.2.3.4", now(), world_.limits); });
  EXPECT_EQ(again->expires_at, now() + 30min);
  EXPECT_EQ(again->created_at, now() - 10min);
  EXPECT_EQ(events("upload_a"), std::vector<std::string>{"upload_begun"});
}

TEST_F(Repository, BeginRefusesAStrangerAndAnExpiredId) {
  const auto begin_as = [&](const char* owner) {
    const auto result =
        in([&](Transaction& tx) { return begin(tx, "upload_a", owner, now(), world_.limits); });
    return result ? "ok" : result.error().code;
  };
  EXPECT_EQ(begin_as("1.2.3.4"), "ok");
  EXPECT_EQ(begin_as("1.2.3.5"), "not_the_owner");
  world_.clock.advance(30min);
  EXPECT_EQ(begin_as("1.2.3.4"), "upload_expired");
}

TEST_F(Repository, ReserveHasItsExactErrors) {
  EXPECT_EQ(reserve_code("upload_none", "job_1"), "upload_not_found");
  world_.receive("upload_b");
  EXPECT_EQ(reserve_code("upload_b", "job_1"), "upload_not_finalized");
  make_finalized("upload_a");
  EXPECT_EQ(reserve_code("upload_a", "job_1"), "ok");
  EXPECT_EQ(reserve_code("upload_a", "job_2"), "upload_in_use");
  in([&](Transaction& tx) { consume(tx, "upload_a", now()); });
  EXPECT_EQ(reserve_code("upload_a", "job_2"), "upload_in_use");
  make_finalized("upload_c");
  world_.clock.advance(60min);
  EXPECT_EQ(reserve_code("upload_c", "job_1"), "upload_expired");
}

TEST_F(Repository, ConsumeEndsIt) {
  make_finalized("upload_a");
  ASSERT_EQ(reserve_code("upload_a", "job_1"), "ok");
  in([&](Transaction& tx) { consume(tx, "upload_a", now()); });
  in([&](Transaction& tx) { release_unused(tx, "upload_a", now()); });
  const auto upload = row("upload_a");
  EXPECT_EQ(upload.state, State::kConsumed);
  EXPECT_EQ(upload.job_id, "job_1");
  EXPECT_EQ(upload.consumed_at, now());
  EXPECT_EQ(events("upload_a"), (std::vector<std::string>{"upload_begun", "upload_finalized",
                                                          "upload_reserved", "upload_consumed"}));
}

TEST_F(Repository, AJobThatNeverRanReleasesIt) {
  make_finalized("upload_a");
  ASSERT_EQ(reserve_code("upload_a", "job_1"), "ok");
  in([&](Transaction& tx) { release_unused(tx, "upload_a", now()); });
  EXPECT_EQ(row("upload_a").state, State::kExpired);
  EXPECT_EQ(in([](Transaction& tx) { return to_clear(tx); }), std::vector<std::string>{"upload_a"});
  in([](Transaction& tx) { mark_cleared(tx, "upload_a"); });
  EXPECT_TRUE(in([](Transaction& tx) { return to_clear(tx); }).empty());
}

TEST_F(Repository, DueLeavesReservedOnesAlone) {
  make_finalized("upload_a");
  make_finalized("upload_b");
  ASSERT_EQ(reserve_code("upload_b", "job_1"), "ok");
  world_.clock.advance(61min);
  const auto overdue = in([&](Transaction& tx) { return due(tx, now()); });
  ASSERT_EQ(overdue.size(), 1U);
  EXPECT_EQ(overdue[0].id, "upload_a");
  in([&](Transaction& tx) { expire(tx, "upload_b", now()); });
  EXPECT_EQ(row("upload_b").state, State::kFinalized);
}

TEST_F(Repository, AccountsWhatIsFinalized) {
  make_finalized("upload_a");
  make_finalized("upload_b");
  EXPECT_EQ(in([](Transaction& tx) { return total_accounted(tx); }), 200U);
}

}  // namespace
}  // namespace flashpods::uploads
