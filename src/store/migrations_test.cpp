#include "store/migrations.h"

#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temporary_directory.h"
#include "store/store.h"

namespace flashpods {
namespace {

/// This release's steps and one more.
std::vector<const char*> released_and(const char* step) {
  std::vector<const char*> steps(released_steps().begin(), released_steps().end());
  steps.push_back(step);
  return steps;
}

const auto kNextRelease = released_and("ALTER TABLE meta ADD COLUMN note TEXT");
const auto kBrokenRelease =
    released_and("ALTER TABLE meta ADD COLUMN note TEXT; INSERT INTO nowhere VALUES (1)");
const std::int64_t kThisVersion = 1 + static_cast<std::int64_t>(released_steps().size());

struct MigrationsTest : testing::Test {
  MigrationsTest() {
    Connection connection(file);
    EXPECT_TRUE(migrate(connection, file));
    connection.execute("INSERT INTO meta (key, value) VALUES ('a', '1')");
  }
  static std::int64_t version_of(const std::filesystem::path& database) {
    return Connection(database).row("PRAGMA user_version")->integer("user_version");
  }
  static std::string value_in(const std::filesystem::path& database) {
    return Connection(database).row("SELECT value FROM meta WHERE key = 'a'")->text("value");
  }

  TemporaryDirectory directory;
  std::filesystem::path file = directory / "flashpods.db";
  std::filesystem::path backup =
      directory / ("flashpods.db.v" + std::to_string(kThisVersion) + ".backup");
};

TEST_F(MigrationsTest, ADatabaseIsBackedUpBeforeItIsChanged) {
  {
    Connection connection(file);
    ASSERT_TRUE(migrate(connection, file, kNextRelease));
    connection.execute("UPDATE meta SET value = '2', note = 'new'");
  }
  EXPECT_EQ(version_of(file), kThisVersion + 1);
  EXPECT_EQ(value_in(file), "2");
  EXPECT_EQ(version_of(backup), kThisVersion);
  EXPECT_EQ(value_in(backup), "1");
}

TEST_F(MigrationsTest, AStepThatFailsChangesNothing) {
  for (int tries = 0; tries < 2; ++tries) {
    Connection connection(file);
    EXPECT_THROW((void)migrate(connection, file, kBrokenRelease), StoreError);
  }
  EXPECT_EQ(version_of(file), kThisVersion);
  EXPECT_EQ(value_in(file), "1");
  EXPECT_EQ(value_in(backup), "1");
  Connection connection(file);
  EXPECT_TRUE(migrate(connection, file, kNextRelease));
}

TEST_F(MigrationsTest, OnesOwnReleaseIsLeftAlone) {
  Connection connection(file);
  EXPECT_TRUE(migrate(connection, file));
  EXPECT_FALSE(std::filesystem::exists(backup));
}

TEST_F(MigrationsTest, TheOlderReleaseRefusesWhatTheNewerOneWrote) {
  {
    Connection connection(file);
    ASSERT_TRUE(migrate(connection, file, kNextRelease));
  }
  Connection connection(file);
  const auto refused = migrate(connection, file);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "database_too_new");
}

/// A database as the first release made it, with a job that runs and one that is cleaned.
struct FirstReleaseTest : testing::Test {
  FirstReleaseTest() {
    Connection first(file);
    first.execute(read_file(FLASHPODS_STORE_TESTDATA "/schema_v1.sql", 1 << 20).value());
    for (const char* status : {"running", "cleaned"}) {
      first.run(
          "INSERT INTO jobs (id, job_type, status, command, context, image, created_at, env,"
          " request) VALUES (?1, 'worker', ?1, ?2, 'c', 'busybox', 't', '{\"A\":\"b\"}',"
          " '{\"x\":1}')",
          {to_value(status), to_value(std::string(900'000, 'm'))});
    }
    first.execute("INSERT INTO idempotency_keys (client_job_id, job_id) VALUES ('k', 'running')");
    first.execute("PRAGMA user_version = 1");
  }

  TemporaryDirectory directory;
  std::filesystem::path file = directory / "flashpods.db";
};

TEST_F(FirstReleaseTest, LongTextsMoveOutOfTheRowsOfJobs) {
  Connection connection(file);
  ASSERT_TRUE(migrate(connection, file));
  const auto texts = connection.rows("SELECT * FROM job_texts");
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_EQ(texts[0].text("job_id"), "running");
  EXPECT_EQ(texts[0].text("command").size(), 900'000U);
  EXPECT_EQ(texts[0].text("context"), "c");
  EXPECT_EQ(texts[0].text("env"), R"({"A":"b"})");
  EXPECT_EQ(texts[0].text("request"), R"({"x":1})");
  for (const Row& row : connection.rows("SELECT id, command FROM jobs")) {
    EXPECT_EQ(row.text("command"), std::string(200, 'm')) << row.text("id");
  }
  EXPECT_EQ(connection.rows("SELECT * FROM idempotency_keys").size(), 1U);
}

std::vector<std::string> columns_and_indexes(Connection& connection) {
  std::vector<std::string> found;
  for (const Row& row : connection.rows(
           "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' ||"
           " coalesce(c.dflt_value, '') AS what FROM sqlite_master AS m,"
           " pragma_table_info(m.name) AS c WHERE m.type = 'table' UNION ALL"
           " SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1")) {
    found.push_back(row.text("what"));
  }
  return found;
}

TEST_F(FirstReleaseTest, ComesToTheSchemaOfANewDatabase) {
  Connection migrated(file);
  ASSERT_TRUE(migrate(migrated, file));
  const auto elsewhere = directory / "new.db";
  Connection fresh(elsewhere);
  ASSERT_TRUE(migrate(fresh, elsewhere));
  EXPECT_EQ(columns_and_indexes(migrated), columns_and_indexes(fresh));
}

TEST_F(MigrationsTest, NoDamagedPageIsTakenForWhole) {
  constexpr std::size_t kPage = 4096;
  const auto whole = *read_file(file, 1 << 20);
  ASSERT_GT(whole.size(), 3 * kPage);
  for (std::size_t page = 0; page < whole.size(); page += kPage) {
    auto damaged = whole;
    damaged.replace(page, kPage, kPage, '\xa5');
    std::ofstream(file, std::ios::binary) << damaged;
    const auto opened = SqliteStore::open(file, SqliteStore::Threading::kInline);
    EXPECT_FALSE(opened) << page;
    EXPECT_EQ(*read_file(file, 1 << 20), damaged);
  }
}

}  // namespace
}  // namespace flashpods
