#include "store/migrations.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temporary_directory.h"
#include "store/store.h"

namespace flashpods {
namespace {

constexpr const char* kNextRelease[] = {"ALTER TABLE meta ADD COLUMN note TEXT"};
constexpr const char* kBrokenRelease[] = {
    "ALTER TABLE meta ADD COLUMN note TEXT; INSERT INTO nowhere VALUES (1)"};

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
  std::filesystem::path backup = directory / "flashpods.db.v1.backup";
};

TEST_F(MigrationsTest, ADatabaseIsBackedUpBeforeItIsChanged) {
  {
    Connection connection(file);
    ASSERT_TRUE(migrate(connection, file, kNextRelease));
    connection.execute("UPDATE meta SET value = '2', note = 'new'");
  }
  EXPECT_EQ(version_of(file), 2);
  EXPECT_EQ(value_in(file), "2");
  EXPECT_EQ(version_of(backup), 1);
  EXPECT_EQ(value_in(backup), "1");
}

TEST_F(MigrationsTest, AStepThatFailsChangesNothing) {
  for (int tries = 0; tries < 2; ++tries) {
    Connection connection(file);
    EXPECT_THROW((void)migrate(connection, file, kBrokenRelease), StoreError);
  }
  EXPECT_EQ(version_of(file), 1);
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
