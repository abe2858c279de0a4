#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temporary_directory.h"

namespace flashpods {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

void put(const fs::path& path, std::string_view content) { std::ofstream(path) << content; }

/// A chain of `depth` directories named "d", with a file in the last.
void make_chain(const fs::path& top, int depth) {
  Fd at = open_directory(top).value();
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  const Fd file(::openat(at.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(write_all(file.get(), "12345"));
}

/// Runs `body` in a process that modes apply to; true if it says so.
bool as_ordinary_user(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool dropped = ::geteuid() != 0 || ::setresuid(kNobody, kNobody, kNobody) == 0;
    ::_exit(dropped && body() ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

/// At most 128 descriptors while it lives.
class FewDescriptors {
 public:
  FewDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{128, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

struct TreeTest : testing::Test {
  TemporaryDirectory directory{fast_directory()};
  fs::path tree = directory / "tree";
  TreeTest() { fs::create_directory(tree); }
};

using RemoveTreeTest = TreeTest;
using MeasureTreeTest = TreeTest;

TEST_F(RemoveTreeTest, RemovesEverythingOnce) {
  fs::create_directories(tree / "a/b/c");
  fs::create_directories(tree / "a/x/c");
  put(tree / "a/b/c/file", "x");
  put(tree / ".removed-0", "a name that the removal would take itself");
  ASSERT_EQ(::mkfifo((tree / "a/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(remove_tree(tree));
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_TRUE(remove_tree(tree)) << "already gone is done";
}

TEST_F(RemoveTreeTest, RemovesAFileAndATrailingSlash) {
  put(directory / "file", "");
  EXPECT_TRUE(remove_tree(directory / "file"));
  EXPECT_TRUE(remove_tree(directory / "tree/"));
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST_F(RemoveTreeTest, NeverFollowsALink) {
  fs::create_directories(directory / "outside/kept");
  put(directory / "outside/file", "kept");
  fs::create_directory(tree / "a");
  fs::create_directory_symlink(directory / "outside", tree / "link");
  fs::create_directory_symlink("../../outside", tree / "a/link");
  EXPECT_TRUE(remove_tree(tree));
  fs::create_directory_symlink(directory / "outside", tree);
  EXPECT_TRUE(remove_tree(tree));
  EXPECT_FALSE(fs::exists(fs::symlink_status(tree)));
  EXPECT_TRUE(fs::exists(directory / "outside/kept"));
  EXPECT_TRUE(fs::exists(directory / "outside/file"));
}

TEST_F(RemoveTreeTest, OpensWhatChmodClosed) {
  fs::create_directories(tree / "a/b/c");
  put(tree / "a/b/file", "x");
  for (const char* name : {"a/b/c", "a/b", "a", ""}) {
    if (::geteuid() == 0) ASSERT_EQ(::chown((tree / name).c_str(), kNobody, kNobody), 0);
    ASSERT_EQ(::chmod((tree / name).c_str(), 0), 0);
  }
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  EXPECT_TRUE(as_ordinary_user([&] { return remove_tree(tree).has_value(); }));
  EXPECT_FALSE(fs::exists(tree));
}

TEST_F(RemoveTreeTest, SaysWhatItMayNotRemove) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a file of another user";
  put(tree / "file", "x");
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  EXPECT_TRUE(as_ordinary_user([&] { return !remove_tree(tree).has_value(); }));
  EXPECT_TRUE(fs::exists(tree / "file"));
}

TEST_F(RemoveTreeTest, DepthCostsNeitherStackNorPathNorDescriptors) {
  make_chain(tree, 10'000);
  const FewDescriptors limited;
  EXPECT_TRUE(remove_tree(tree));
  EXPECT_FALSE(fs::exists(tree));
}

TEST_F(RemoveTreeTest, SurvivesAWriterThatGoesAway) {
  std::atomic<int> rounds = 0;
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      const fs::path inner = tree / std::to_string(i % 7) / "x";
      std::error_code ignored;
      fs::create_directories(inner, ignored);
      fs::rename(inner, tree / "moved", ignored);
      rounds = i;
    }
  });
  while (rounds < 20) std::this_thread::yield();
  [[maybe_unused]] const auto during = remove_tree(tree);
  writer.join();
  EXPECT_TRUE(remove_tree(tree));
  EXPECT_FALSE(fs::exists(tree));
}

TEST_F(MeasureTreeTest, CountsFilesAndLinksOnce) {
  fs::create_directory(tree / "a");
  put(tree / "a/file", std::string(10'000, 'x'));
  fs::create_hard_link(tree / "a/file", tree / "second");
  fs::create_symlink("/etc", tree / "link");
  const TreeSize size = measure_tree(tree).value();
  EXPECT_EQ(size.files, 3U);
  EXPECT_EQ(size.apparent_bytes, 10'000U);
  EXPECT_GE(size.bytes, 10'000U);
}

TEST_F(MeasureTreeTest, HolesCostNothing) {
  const std::uint64_t before = measure_tree(tree).value().bytes;
  put(tree / "sparse", "");
  fs::resize_file(tree / "sparse", 1'000'000'000);
  const TreeSize size = measure_tree(tree).value();
  EXPECT_EQ(size.apparent_bytes, 1'000'000'000U);
  EXPECT_LT(size.bytes - before, 1'000'000U);
}

TEST_F(MeasureTreeTest, AnAbsentTreeIsEmpty) {
  EXPECT_EQ(measure_tree(directory / "absent").value().files, 0U);
}

TEST_F(MeasureTreeTest, MeasuresAtAnyDepth) {
  make_chain(tree, 10'000);
  ASSERT_NO_FATAL_FAILURE(make_chain(tree / "d/d/d", 0));
  const FewDescriptors limited;
  const TreeSize size = measure_tree(tree).value();
  EXPECT_EQ(size.files, 2U);
  EXPECT_EQ(size.apparent_bytes, 10U);
}

TEST_F(MeasureTreeTest, ComesBackFromTheDepthsToEverySibling) {
  fs::path at = tree;
  for (int level = 0; level < 100; ++level) {
    fs::create_directories(at / "sibling");
    put(at / "sibling/file", "1");
    put(at / "file", "1");
    at /= "d";
    fs::create_directory(at);
  }
  EXPECT_EQ(measure_tree(tree).value().files, 200U);
}

TEST_F(MeasureTreeTest, ClosingADirectoryHidesNothing) {
  fs::create_directories(tree / "closed");
  put(tree / "closed/file", "12345");
  ASSERT_EQ(::chmod((tree / "closed").c_str(), 0), 0);
  if (::geteuid() == 0) ASSERT_EQ(::chown((tree / "closed").c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  EXPECT_TRUE(as_ordinary_user([&] {
    const auto size = measure_tree(tree);
    return size && size->files == 1 && size->apparent_bytes == 5;
  }));
}

}  // namespace
}  // namespace flashpods
