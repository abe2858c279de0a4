#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <map>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temporary_directory.h"
#include "base/tree_walk.h"

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
using WalkTreeTest = TreeTest;

Fd open_top(const fs::path& path) {
  return Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0xFFFF;
}

/// Nested directories that nobody may enter, as the tests' ordinary user has them.
void make_closed_chain(const fs::path& top, int depth) {
  make_chain(top, depth);
  std::vector<fs::path> chain{top};
  for (int i = 0; i < depth; ++i) chain.push_back(chain.back() / "d");
  for (; !chain.empty(); chain.pop_back()) {
    if (::geteuid() == 0) ASSERT_EQ(::chown(chain.back().c_str(), kNobody, kNobody), 0);
    ASSERT_EQ(::chmod(chain.back().c_str(), 0), 0);
  }
  ASSERT_EQ(::chmod(top.parent_path().c_str(), 0755), 0);
}

/// True if each is closed; opens them on its way.
bool is_closed_chain(fs::path at, int depth) {
  for (; depth >= 0; --depth, at /= "d") {
    if (mode_of(at) != 0 || ::chmod(at.c_str(), 0700) != 0) return false;
  }
  return true;
}

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

TEST_F(WalkTreeTest, ShowsEachEntryBelowTheTopWithItsPath) {
  fs::create_directories(tree / "ab/c");
  put(tree / "ab/c/file", "x");
  fs::create_symlink("ab", tree / "link");
  std::map<std::string, std::size_t> seen;
  ASSERT_TRUE(walk_tree(open_top(tree), Foreign::kFails, [&](const TreeEntry& entry) {
    seen[entry.name] = entry.path_bytes;
    EXPECT_EQ(::faccessat(entry.directory, entry.name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW), 0);
    return Result<void>{};
  }));
  EXPECT_EQ(seen,
            (std::map<std::string, std::size_t>{{"ab", 2}, {"c", 4}, {"file", 9}, {"link", 4}}));
}

TEST_F(WalkTreeTest, LeavesOutWhatVanishesWhileItIsShown) {
  for (const char* name : {"a", "b", "c"}) fs::create_directory(tree / name);
  int seen = 0;
  EXPECT_TRUE(walk_tree(open_top(tree), Foreign::kFails, [&](const TreeEntry&) {
    for (const char* name : {"a", "b", "c"}) fs::remove(tree / name);
    ++seen;
    return Result<void>{};
  }));
  EXPECT_EQ(seen, 1);
}

TEST_F(WalkTreeTest, GivesDirectoriesTheirModesBackAtAnyDepth) {
  constexpr int kDepth = 150;
  make_closed_chain(tree, kDepth);
  EXPECT_TRUE(as_ordinary_user([&] {
    int seen = 0;
    const auto walked = walk_tree(open_top(tree), Foreign::kFails, [&](const TreeEntry&) {
      ++seen;
      return Result<void>{};
    });
    return walked && seen == kDepth + 1 && is_closed_chain(tree, kDepth);
  }));
}

TEST_F(WalkTreeTest, GivesThemBackAfterAnErrorToo) {
  constexpr int kDepth = 90;
  make_closed_chain(tree, kDepth);
  EXPECT_TRUE(as_ordinary_user([&] {
    const auto walked = walk_tree(open_top(tree), Foreign::kFails, [](const TreeEntry& entry) {
      return entry.name == "file" ? Result<void>(fail(ErrorKind::kInternal, "x", ""))
                                  : Result<void>{};
    });
    return !walked && is_closed_chain(tree, kDepth);
  }));
}

// Two walks of one tree: the one that leaves first must not lock the other out.
TEST_F(WalkTreeTest, GoesOnInADirectoryThatIsClosedBehindIt) {
  constexpr int kDepth = 70;
  make_closed_chain(tree, kDepth);
  EXPECT_TRUE(as_ordinary_user([&] {
    int seen = 0;
    const auto walked = walk_tree(open_top(tree), Foreign::kFails, [&](const TreeEntry& entry) {
      const auto link = "/proc/self/fd/" + std::to_string(entry.directory);
      ++seen;
      return ::chmod(link.c_str(), 0) == 0 ? Result<void>{} : std::unexpected(errno_error(link));
    });
    return walked && seen == kDepth + 1 && is_closed_chain(tree, kDepth);
  }));
}

TEST_F(WalkTreeTest, WhatOthersCloseIsAnErrorOrLeftOut) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a directory of another user";
  fs::create_directory(tree / "other");
  put(tree / "other/file", "x");
  ASSERT_EQ(::chmod((tree / "other").c_str(), 0700), 0);
  ASSERT_EQ(::chmod(tree.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  EXPECT_TRUE(as_ordinary_user([&] {
    int seen = 0;
    const auto count = [&](const TreeEntry&) {
      ++seen;
      return Result<void>{};
    };
    return walk_tree(open_top(tree), Foreign::kSkipped, count) && seen == 1 &&
           !walk_tree(open_top(tree), Foreign::kFails, count);
  }));
}

}  // namespace
}  // namespace flashpods
