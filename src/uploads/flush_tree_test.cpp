#include "uploads/flush_tree.h"

#include <array>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "uploads/test_support.h"

namespace flashpods::uploads {
namespace {

namespace fs = std::filesystem;

/// True while bytes of the file have no place on the disk: they are in memory alone (FIEMAP).
bool is_in_memory_only(const fs::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  alignas(fiemap) std::array<char, sizeof(fiemap) + sizeof(fiemap_extent)> request{};
  auto* const map = reinterpret_cast<fiemap*>(request.data());
  map->fm_length = FIEMAP_MAX_OFFSET;
  map->fm_extent_count = 1;
  return ::ioctl(file.get(), FS_IOC_FIEMAP, map) == 0 && map->fm_mapped_extents == 1 &&
         (map->fm_extents[0].fe_flags & FIEMAP_EXTENT_DELALLOC) != 0;
}

class FlushTree : public testing::Test {
 protected:
  FlushTree() { fs::create_directories(tree_ / "a/b"); }

  void put_unflushed(const std::string& name) {
    put(tree_ / name, std::string(200'000, 'x'));
    if (!is_in_memory_only(tree_ / name)) GTEST_SKIP() << "this file system does not tell";
  }

  TemporaryDirectory directory_;
  fs::path tree_ = directory_ / "tree";
};

TEST_F(FlushTree, FewFilesAreOnTheDisk) {
  put_unflushed("file");
  put_unflushed("a/b/file");
  if (IsSkipped()) return;
  ASSERT_TRUE(flush_tree(tree_));
  EXPECT_FALSE(is_in_memory_only(tree_ / "file"));
  EXPECT_FALSE(is_in_memory_only(tree_ / "a/b/file"));
}

TEST_F(FlushTree, SoAreMany) {
  for (int i = 0; i < 100; ++i) put_unflushed("a/file" + std::to_string(i));
  if (IsSkipped()) return;
  ASSERT_TRUE(flush_tree(tree_));
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(is_in_memory_only(tree_ / ("a/file" + std::to_string(i))));
  }
}

TEST_F(FlushTree, SoAreThoseBehindWhatIsClosed) {
  put_unflushed("file");
  put_unflushed("a/b/file");
  if (IsSkipped()) return;
  for (const char* name : {"file", "a", ""}) {
    ASSERT_EQ(::chmod((tree_ / name).c_str(), 0), 0);
  }
  EXPECT_TRUE(flush_tree(tree_));
  for (const char* name : {"", "a", "file"}) {
    struct stat status{};
    ASSERT_EQ(::lstat((tree_ / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0U) << name;
    ASSERT_EQ(::chmod((tree_ / name).c_str(), 0700), 0);
  }
  EXPECT_FALSE(is_in_memory_only(tree_ / "file"));
  EXPECT_FALSE(is_in_memory_only(tree_ / "a/b/file"));
}

TEST_F(FlushTree, WhatHasNoBytesIsNotOpened) {
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0600), 0);
  fs::create_symlink("nowhere", tree_ / "link");
  fs::create_symlink("/dev/watchdog", tree_ / "device");
  EXPECT_TRUE(flush_tree(tree_));
}

TEST_F(FlushTree, AnAbsentOneIsNotThere) {
  const auto flushed = flush_tree(directory_ / "absent");
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().kind, ErrorKind::kNotFound);
}

// The row promises the files: they must be there after a power cut.
TEST_F(FlushTree, IsPartOfFinalize) {
  UploadsWorld world;
  world.receive("upload_a");
  put(world.received("upload_a") / "big", std::string(200'000, 'x'));
  if (!is_in_memory_only(world.received("upload_a") / "big")) {
    GTEST_SKIP() << "this file system does not tell";
  }
  ASSERT_TRUE(finish(world.context, world.uploads->finalize("upload_a")));
  EXPECT_FALSE(is_in_memory_only(world.sealed("upload_a") / "big"));
}

}  // namespace
}  // namespace flashpods::uploads
