#include "store/store.h"

#include <future>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "store/connection.h"

namespace flashpods {
namespace {

class StoreTest : public testing::TestWithParam<SqliteStore::Threading> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "flashpods-store-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    reopen();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void reopen() {
    store_.reset();
    auto opened = SqliteStore::open(file(), GetParam());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_ = std::move(*opened);
  }
  std::filesystem::path file() const { return directory_ / "flashpods.db"; }

  void run(Awaitable<void> task) {
    boost::asio::co_spawn(io_, std::move(task), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io_.run();
    io_.restart();
  }

  std::filesystem::path directory_;
  std::unique_ptr<SqliteStore> store_;
  boost::asio::io_context io_{1};
};

void put(Transaction& tx, const std::string& key, const std::string& value) {
  tx.run("INSERT INTO meta (key, value) VALUES (?1, ?2)", {to_value(key), to_value(value)});
}

std::int64_t count(Transaction& tx) {
  return tx.row("SELECT count(*) AS n FROM meta")->integer("n");
}

Awaitable<void> write_two(Store& store) {
  co_await store.transact([](Transaction& tx) { put(tx, "a", "1"); });
  const std::string odd("x\0y\xff", 4);
  co_await store.transact([odd](Transaction& tx) { put(tx, "b", odd); });
  const auto read = co_await store.transact([](Transaction& tx) {
    return tx.row("SELECT value FROM meta WHERE key = 'b'")->text("value");
  });
  EXPECT_EQ(read, odd);
}

Awaitable<void> expect_count(Store& store, std::int64_t expected) {
  EXPECT_EQ(co_await store.transact(count), expected);
}

TEST_P(StoreTest, KeepsWhatWasCommitted) {
  run(write_two(*store_));
  reopen();
  run(expect_count(*store_, 2));
}

Awaitable<void> fail_after_writing(Store& store) {
  const auto refused = co_await store.transact([](Transaction& tx) -> Result<int> {
    put(tx, "a", "1");
    return fail(ErrorKind::kConflict, "refused", "no");
  });
  EXPECT_FALSE(refused.has_value());
  bool thrown = false;
  try {
    co_await store.transact([](Transaction& tx) {
      put(tx, "b", "1");
      put(tx, "b", "again");
    });
  } catch (const StoreError&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  EXPECT_EQ(co_await store.transact(count), 0);
}

TEST_P(StoreTest, AnErrorOrAnExceptionLeavesNoTrace) { run(fail_after_writing(*store_)); }

Awaitable<void> insert(Store& store, int i, int& succeeded) {
  const auto body = [i](Transaction& tx) -> Result<void> {
    put(tx, std::to_string(i), "v");
    if (i % 3 == 0) return fail(ErrorKind::kConflict, "refused", "no");
    return {};
  };
  const auto done = co_await store.transact(body);
  if (done) ++succeeded;
}

TEST_P(StoreTest, RequestsOfOneBatchSucceedAndFailAlone) {
  int succeeded = 0;
  for (int i = 0; i < 90; ++i) {
    boost::asio::co_spawn(io_, insert(*store_, i, succeeded), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
  }
  io_.run();
  io_.restart();
  EXPECT_EQ(succeeded, 60);
  run(expect_count(*store_, 60));
}

TEST_P(StoreTest, ANewerDatabaseIsRefusedUntouched) {
  store_.reset();
  {
    Connection(file()).execute("PRAGMA user_version = 99");
  }
  const auto opened = SqliteStore::open(file(), GetParam());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, "database_too_new");
}

TEST_P(StoreTest, AFileThatIsNoDatabaseIsAClearError) {
  const auto opened = SqliteStore::open("/dev/null/nowhere.db", GetParam());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, "database_unusable");
}

Awaitable<void> read_types(Store& store) {
  co_await store.transact([](Transaction& tx) {
    const auto row = *tx.row("SELECT 5 AS n, NULL AS empty, '2026-01-21T10:30:00.000Z' AS t");
    EXPECT_EQ(row.integer("n"), 5);
    EXPECT_FALSE(row.optional_text("empty"));
    EXPECT_EQ(to_rfc3339(row.time("t")), "2026-01-21T10:30:00Z");
    EXPECT_THROW((void)row.text("n"), StoreError);
    EXPECT_THROW((void)row.text("missing"), StoreError);
  });
}

TEST_P(StoreTest, RowsCheckTheirTypes) { run(read_types(*store_)); }

Awaitable<void> write_and_read_back(Store& store, bool& reads_only) {
  co_await store.transact([](Transaction& tx) { put(tx, "a", "1"); });
  EXPECT_EQ(co_await store.read(count), 1);
  const auto refused = co_await store.read([](Transaction& tx) -> Result<int> {
    if (count(tx) == 1) return fail(ErrorKind::kNotFound, "missing", "no");
    return 1;
  });
  EXPECT_FALSE(refused);
  try {
    co_await store.read([](Transaction& tx) { put(tx, "b", "1"); });
  } catch (const StoreError&) {
    reads_only = true;
  }
  EXPECT_EQ(co_await store.read(count), reads_only ? 1 : 2);
}

TEST_P(StoreTest, AReadSeesWhatWasCommittedBefore) {
  bool reads_only = false;
  run(write_and_read_back(*store_, reads_only));
  EXPECT_EQ(reads_only, GetParam() == SqliteStore::Threading::kOwnThread);
}

/// A transaction that lasts until a read has been answered.
Awaitable<void> read_beside_a_transaction(Store& store, boost::asio::io_context& loop) {
  auto let_go = std::make_shared<std::promise<void>>();
  boost::asio::co_spawn(loop,
                        store.transact([held = let_go->get_future().share()](Transaction& tx) {
                          put(tx, "late", "1");
                          held.wait();
                        }),
                        boost::asio::detached);
  EXPECT_EQ(co_await store.read(count), 0);
  let_go->set_value();
}

TEST_P(StoreTest, AReadWaitsForNoTransaction) {
  if (GetParam() == SqliteStore::Threading::kInline) return;  // there is one connection
  run(read_beside_a_transaction(*store_, io_));
  run(expect_count(*store_, 1));
}

INSTANTIATE_TEST_SUITE_P(Threads, StoreTest,
                         testing::Values(SqliteStore::Threading::kOwnThread,
                                         SqliteStore::Threading::kInline));

}  // namespace
}  // namespace flashpods
