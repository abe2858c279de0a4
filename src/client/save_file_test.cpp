#include "client/save_file.h"

#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/temporary_directory.h"

namespace flashpods::client {
namespace {

namespace fs = std::filesystem;

class SaveFileTest : public testing::Test {
 protected:
  SaveFileTest() : base_(fs::canonical(directory_.path())) {}

  Result<void> save(const fs::path& path, const std::string& text, bool overwrite = false) {
    auto file = PartialFile::open(path, "tag", overwrite);
    if (!file) return std::unexpected(file.error());
    if (auto added = file->append(text); !added) return added;
    return file->publish();
  }
  static std::string content(const fs::path& path) { return read_file(path, 1000).value_or("?"); }

  TemporaryDirectory directory_;
  fs::path base_;
};

TEST_F(SaveFileTest, MakesDirectoriesAndLeavesNothingElse) {
  ASSERT_TRUE(save(base_ / "a/b/name", "text"));
  EXPECT_EQ(content(base_ / "a/b/name"), "text");
  EXPECT_EQ(list_directory(base_ / "a/b").value(), std::vector<std::string>{"name"});
  struct stat status{};
  ASSERT_EQ(::stat((base_ / "a/b/name").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0111, 0U);
}

TEST_F(SaveFileTest, NeverOverwritesUnlessTold) {
  ASSERT_TRUE(save(base_ / "name", "first"));
  const auto second = save(base_ / "name", "second");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "file_exists");
  EXPECT_EQ(content(base_ / "name"), "first");
  ASSERT_TRUE(save(base_ / "name", "third", true));
  EXPECT_EQ(content(base_ / "name"), "third");
}

TEST_F(SaveFileTest, NeverOverwritesWhatAppearedMeanwhile) {
  auto file = PartialFile::open(base_ / "name", "tag", false);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append("new"));
  std::ofstream{base_ / "name"} << "other";
  const auto published = file->publish();
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, "file_exists");
  EXPECT_EQ(content(base_ / "name"), "other");
}

TEST_F(SaveFileTest, FollowsNoLink) {
  std::ofstream{base_ / "victim"} << "victim";
  fs::create_directory(base_ / "real");
  fs::create_symlink(base_ / "victim", base_ / "link");
  fs::create_directory_symlink(base_ / "real", base_ / "way");
  EXPECT_FALSE(save(base_ / "link", "evil"));
  EXPECT_FALSE(save(base_ / "way/name", "evil"));
  EXPECT_TRUE(fs::is_empty(base_ / "real"));
  ASSERT_TRUE(save(base_ / "link", "new", true));
  EXPECT_FALSE(fs::is_symlink(base_ / "link"));
  EXPECT_EQ(content(base_ / "victim"), "victim");
}

TEST_F(SaveFileTest, GoesOnWhereAnInterruptedOneStopped) {
  {
    auto file = PartialFile::open(base_ / "name", "tag", false);
    ASSERT_TRUE(file && file->append("half "));
  }
  auto other = PartialFile::open(base_ / "name", "another tag", false);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->size(), 0U);
  auto file = PartialFile::open(base_ / "name", "tag", false);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 5U);
  ASSERT_TRUE(file->append("done"));
  EXPECT_EQ(file->digest().value(), sha256_hex("half done"));
  ASSERT_TRUE(file->publish());
  EXPECT_EQ(content(base_ / "name"), "half done");
}

}  // namespace
}  // namespace flashpods::client
