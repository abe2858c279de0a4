#include "artifacts/collector.h"

#include <random>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "artifacts/artifact_test_support.h"
#include "artifacts/manifest.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/small_disk.h"

namespace flashpods::artifacts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

auto is_artifact(const std::string& name) { return Field(&Artifact::name, name); }
auto is_rejected(const std::string& name, const std::string& why) {
  return AllOf(Field(&Rejected::name, name), Field(&Rejected::reason, HasSubstr(why)));
}

Collected collect_from(const TestJob& job, const Limits& limits = {}) {
  auto collected = collect(job.source(), job.destination(), limits);
  if (!collected) throw std::runtime_error(collected.error().message);
  return *collected;
}

/// What the listing promises is what lies in the directory: nothing more, each with its digest.
void expect_on_disk(const TestJob& job, const Collected& collected) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(job.destination())) {
    EXPECT_TRUE(entry.is_regular_file()) << entry;
    ++files;
  }
  EXPECT_EQ(files, collected.artifacts.size());
  for (const auto& artifact : collected.artifacts) {
    const auto content = content_of(job.destination() / artifact.name);
    EXPECT_EQ(content.size(), artifact.size_bytes) << artifact.name;
    EXPECT_EQ(sha256_hex(content), artifact.sha256) << artifact.name;
  }
}

TEST(Collect, TakesFilesAndPacksDirectories) {
  const TestJob job;
  job.write("app", "binary");
  job.write("empty", "");
  job.write("dist/index.html", "<html>");
  const auto collected = collect_from(job);
  EXPECT_THAT(collected.artifacts,
              ElementsAre(is_artifact("app"), is_artifact("dist.tar.gz"), is_artifact("empty")));
  EXPECT_THAT(collected.rejected, IsEmpty());
  EXPECT_FALSE(collected.conflict);
  expect_on_disk(job, collected);
  EXPECT_EQ(content_of(job.destination() / "app"), "binary");
}

TEST(Collect, GivesNothingForAJobThatLeftNothing) {
  const TestJob job;
  EXPECT_EQ(collect_from(job), Collected{});
  std::filesystem::remove_all(job.root() / "job");
  EXPECT_EQ(collect_from(job), Collected{});
}

TEST(Collect, MakesFilesPrivateAndPlain) {
  const TestJob job;
  job.write("tool", "x");
  ASSERT_EQ(::chmod((job.source() / "tool").c_str(), 06755), 0);
  collect_from(job);
  struct stat info{};
  ASSERT_EQ(::stat((job.destination() / "tool").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600);
}

TEST(Collect, ReadsWhatChmodClosed) {
  const TestJob job;
  job.write("secret", "s");
  job.write("dir/inner/file", "f");
  for (const auto* path : {"secret", "dir/inner", "dir"}) {
    ASSERT_EQ(::chmod((job.source() / path).c_str(), 0), 0);
  }
  ASSERT_EQ(::chmod(job.source().c_str(), 0), 0);
  const auto collected = collect_from(job);
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("dir.tar.gz"), is_artifact("secret")));
  EXPECT_THAT(collected.rejected, IsEmpty());
}

TEST(Collect, ReportsAConflictAndKeepsEverythingElse) {
  const TestJob job;
  job.write("out.tar.gz", "mine");
  job.write("out/file", "x");
  job.write("other", "y");
  const auto collected = collect_from(job);
  EXPECT_EQ(collected.conflict, "out.tar.gz");
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("other"), is_artifact("out.tar.gz")));
  EXPECT_THAT(collected.rejected, ElementsAre(is_rejected("out", "out.tar.gz")));
  EXPECT_EQ(content_of(job.destination() / "out.tar.gz"), "mine");
}

TEST(Collect, FollowsLinksToFilesInsideOnly) {
  const TestJob job;
  job.write("app-1.2", "app");
  job.write("dir/file", "deep");
  job.link("app-1.2", "latest");
  job.link("latest", "chain");
  job.link("/artifacts/app-1.2", "seen-from-inside");
  job.link("dir/file", "into-dir");
  job.link("/etc/passwd", "absolute");
  job.link("../../../../../../etc/passwd", "climbing");
  job.link("dir/../../job/artifacts/app-1.2", "out-and-back");
  job.link("dir", "to-dir");
  job.link("nowhere", "dangling");
  job.link("loop", "loop");
  job.link("/proc/self/environ", "proc");
  const auto collected = collect_from(job);
  EXPECT_THAT(
      collected.artifacts,
      ElementsAre(is_artifact("app-1.2"), is_artifact("chain"), is_artifact("dir.tar.gz"),
                  is_artifact("into-dir"), is_artifact("latest"), is_artifact("seen-from-inside")));
  EXPECT_THAT(collected.rejected, UnorderedElementsAre(is_rejected("absolute", "symbolic link"),
                                                       is_rejected("climbing", "symbolic link"),
                                                       is_rejected("out-and-back", "symbolic link"),
                                                       is_rejected("to-dir", "is a directory"),
                                                       is_rejected("dangling", "symbolic link"),
                                                       is_rejected("loop", "symbolic link"),
                                                       is_rejected("proc", "symbolic link")));
  EXPECT_EQ(content_of(job.destination() / "chain"), "app");
  expect_on_disk(job, collected);
}

TEST(Collect, GivesEachArtifactAnInodeOfItsOwn) {
  const TestJob job;
  job.write("a", "same");
  std::filesystem::create_hard_link(job.source() / "a", job.source() / "b");
  std::filesystem::create_hard_link(job.source() / "a", job.root() / "outside");
  job.link("a", "c");
  const auto collected = collect_from(job);
  EXPECT_THAT(collected.artifacts, SizeIs(3));
  std::ofstream{job.root() / "outside"} << "changed";
  expect_on_disk(job, collected);
}

TEST(Collect, RejectsWhatIsNoFileWithoutBlocking) {
  const TestJob job;
  ASSERT_EQ(::mkfifo((job.source() / "fifo").c_str(), 0600), 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (job.source() / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  job.link("fifo", "to-fifo");
  EXPECT_THAT(collect_from(job).rejected,
              ElementsAre(is_rejected("fifo", "FIFO"), is_rejected("socket", "socket"),
                          is_rejected("to-fifo", "FIFO")));
}

TEST(Collect, RejectsDevices) {
  const TestJob job;
  if (::mknod((job.source() / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    GTEST_SKIP() << "making a device needs root";
  }
  EXPECT_THAT(collect_from(job).rejected, ElementsAre(is_rejected("null", "device")));
}

TEST(Collect, RejectsBadNamesAndShowsThemSafely) {
  const TestJob job;
  for (const auto* name :
       {"new\nline", "esc\x1b[2J", "a..b", " lead", "trail ", "back\\slash", "\xFF"}) {
    job.write(name, "x");
  }
  job.write("good", "x");
  job.write(std::string(252, 'd') + "/f", "x");  // 259 bytes with .tar.gz
  const auto collected = collect_from(job);
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("good")));
  EXPECT_THAT(collected.rejected, SizeIs(8));
  for (const auto& [name, reason] : collected.rejected) {
    EXPECT_FALSE(name.contains('\n') || name.contains('\x1b')) << name;
  }
}

TEST(Collect, CountsAHugeSparseFileByItsSize) {
  const TestJob job;
  job.write("sparse", "");
  std::filesystem::resize_file(job.source() / "sparse", std::uintmax_t{1} << 40);
  job.write("kept", "x");
  const auto collected = collect_from(job);
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("kept")));
  EXPECT_THAT(collected.rejected, ElementsAre(is_rejected("sparse", "larger than 1.1 GB")));
}

TEST(Collect, QuotasHoldToTheByte) {
  const TestJob job;
  job.write("a", std::string(10, 'a'));
  job.write("b", std::string(11, 'b'));
  job.write("c", std::string(10, 'c'));
  job.write("d", "d");
  job.write("e", "");
  const auto collected = collect_from(job, {.max_file_bytes = 10, .max_total_bytes = 20});
  EXPECT_THAT(collected.artifacts,
              ElementsAre(is_artifact("a"), is_artifact("c"), is_artifact("e")));
  EXPECT_THAT(collected.rejected,
              ElementsAre(is_rejected("b", "larger"), is_rejected("d", "together")));
}

TEST(Collect, CountHoldsExactly) {
  const TestJob job;
  for (const auto* name : {"a", "b", "c"}) job.write(name, "x");
  const auto collected = collect_from(job, {.max_count = 2});
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("a"), is_artifact("b")));
  EXPECT_THAT(collected.rejected, ElementsAre(is_rejected("c", "more than 2")));
}

TEST(Collect, AnArchiveThatIsTooLargeLeavesNothingBehind) {
  const TestJob job;
  job.write("dir/file", std::string(100'000, 'x'));
  auto collected = collect_from(job, {.max_file_bytes = 100});
  EXPECT_THAT(collected.rejected, ElementsAre(is_rejected("dir", "when packed")));
  expect_on_disk(job, collected);
}

void write_three_directories(const TestJob& job) {
  for (const char* name : {"a", "b", "c"}) job.write(std::string{name} + "/file", "0123456789");
}

TEST(Collect, BytesOfDirectoriesAreBoundedTogether) {
  const TestJob job;
  write_three_directories(job);
  job.write("d/tiny", "x");
  const auto collected = collect_from(job, {.max_archive_input_bytes = 25});
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("a.tar.gz"), is_artifact("b.tar.gz"),
                                               is_artifact("d.tar.gz")));
  EXPECT_THAT(collected.rejected, ElementsAre(is_rejected("c", "hold 25 B together")));
}

TEST(Collect, FilesOfDirectoriesAreBoundedTogether) {
  const TestJob job;
  write_three_directories(job);
  const auto collected = collect_from(job, {.max_archive_entries = 2});
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("a.tar.gz"), is_artifact("b.tar.gz")));
  EXPECT_THAT(collected.rejected, ElementsAre(is_rejected("c", "hold 2 together")));
}

TEST(Collect, WhatIsRefusedIsNotPackedFirst) {
  const TestJob job;
  job.write("links/0", std::string(1000, 'x'));
  for (int i = 1; i < 100; ++i) {
    std::filesystem::create_hard_link(job.source() / "links/0",
                                      job.source() / "links" / std::to_string(i));
  }
  std::filesystem::create_directories(job.source() / "sparse");
  std::ofstream(job.source() / "sparse/file").put('x');
  std::filesystem::resize_file(job.source() / "sparse/file", 99'999);
  int created = -1;  // the destination itself
  const auto count = [&] { ++created; };
  const auto collected =
      collect_stepwise(job.source(), job.destination(), {.max_archive_input_bytes = 99'998}, count)
          .value();
  EXPECT_THAT(collected.rejected,
              ElementsAre(is_rejected("links", "too large"), is_rejected("sparse", "too large")));
  EXPECT_EQ(created, 3) << "the steps of an empty collection";
}

TEST(Collect, LookingAtDirectoriesIsBoundedToo) {
  const TestJob job;
  for (const char* name : {"a", "b"}) {
    for (int i = 0; i < 5; ++i) job.write(name + std::string{"/"} + std::to_string(i), "");
  }
  job.write("c/file", "");
  const auto collected = collect_from(job, {.max_archive_entries = 4, .max_surveyed_entries = 6});
  EXPECT_THAT(collected.artifacts, IsEmpty());
  EXPECT_THAT(collected.rejected, SizeIs(3)) << "two were looked at in vain";
}

TEST(Collect, AServerThatStopsRejectsNothingAndLaterAllIsTaken) {
  const TestJob job;
  job.write("a/file", "x");
  job.write("b", "x");
  std::stop_source source;
  int step = 0;
  const auto stop = [&] {
    if (++step == 2) source.request_stop();  // as the first artifact is made
  };
  const auto interrupted =
      collect_stepwise(job.source(), job.destination(), {}, stop, source.get_token());
  ASSERT_FALSE(interrupted);
  EXPECT_TRUE(is_shortage(interrupted.error())) << interrupted.error().message;
  EXPECT_THAT(collect_from(job).artifacts, ElementsAre(is_artifact("a.tar.gz"), is_artifact("b")));
}

TEST(Collect, SumsUpWhatIsTooMuchToName) {
  const TestJob job;
  for (int i = 0; i < 50; ++i) job.write("f" + std::to_string(i), "x");
  const auto collected = collect_from(job, {.max_count = 10, .max_listed = 30, .max_rejected = 5});
  EXPECT_THAT(collected.artifacts, SizeIs(10));
  ASSERT_THAT(collected.rejected, SizeIs(6));
  EXPECT_EQ(collected.rejected.back().reason, "35 more entries are not kept");
}

TEST(Collect, IgnoresADirectoryOfTheJobThatIsSwappedForALink) {
  // The swap between listing and opening, made at the first step that changes the disk.
  const TestJob job;
  job.write("a", "x");
  job.write("z/file", "x");
  bool swapped = false;
  const auto swap = [&] {
    if (swapped || !std::filesystem::exists(job.destination())) return;
    swapped = true;
    std::filesystem::remove_all(job.source() / "z");
    std::filesystem::create_directory_symlink("/etc", job.source() / "z");
  };
  const auto collected = collect_stepwise(job.source(), job.destination(), {}, swap).value();
  ASSERT_TRUE(swapped);
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("a")));
  EXPECT_THAT(collected.rejected, ElementsAre(is_rejected("z", "symbolic link")));
}

TEST(Collect, KeepsTheFileItExaminedWhenTheNameIsSwapped) {
  const TestJob job;
  job.write("a", "examined");
  const auto swap = [&] {
    std::filesystem::remove(job.source() / "a");
    job.link("/etc/passwd", "a");
  };
  // The link is made by descriptor: a removed file has no link left to add, so it is copied.
  const auto collected =
      collect_stepwise(job.source(), job.destination(), {}, [&, step = 0]() mutable {
        if (++step == 2) swap();
      }).value();
  ASSERT_THAT(collected.artifacts, ElementsAre(is_artifact("a")));
  EXPECT_EQ(content_of(job.destination() / "a"), "examined");
}

// What the host lacks.

/// Bytes that no archive makes smaller.
std::string noise(std::size_t size) {
  std::mt19937 random{1};
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(CollectOnAPoorHost, AFullDiskRejectsNothingAndLaterAllIsTaken) {
  const TestJob job;
  job.write("archive/large", noise(100'000));
  job.write("file", noise(100'000));
  job.write("small", "x");
  const auto place = job.destination().parent_path();
  std::filesystem::create_directories(place);
  {
    const SmallDisk disk(place);
    if (!disk.mounted()) GTEST_SKIP() << "mounting a small filesystem needs root";
    const auto collected = collect(job.source(), job.destination());
    ASSERT_FALSE(collected);
    EXPECT_TRUE(is_shortage(collected.error())) << collected.error().message;
    EXPECT_THAT(collected.error().message, HasSubstr("archive"));
  }
  const auto collected = collect_from(job);
  EXPECT_THAT(collected.artifacts, ElementsAre(is_artifact("archive.tar.gz"), is_artifact("file"),
                                               is_artifact("small")));
  EXPECT_THAT(collected.rejected, IsEmpty());
  expect_on_disk(job, collected);
}

/// Until it goes, only so many more descriptors can be opened.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t spare) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const Fd next{::dup(STDIN_FILENO)};
    const rlimit few{static_cast<rlim_t>(next.get()) + spare, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(CollectOnAPoorHost, WithoutDescriptorsNothingIsRejected) {
  const TestJob job;
  job.write("archive/deep/file", "x");
  job.write("archive/file", "x");
  job.link("file", "archive/link");
  job.write("file", "x");
  job.link("file", "link");
  const auto all =
      ElementsAre(is_artifact("archive.tar.gz"), is_artifact("file"), is_artifact("link"));
  int failed = 0;
  for (rlim_t spare = 0; spare < 20; ++spare) {
    std::filesystem::remove(manifest_path(job.source()));
    Result<Collected> collected;
    {
      const FewDescriptors few(spare);
      collected = collect(job.source(), job.destination());
    }
    if (!collected) {
      ++failed;
      continue;
    }
    EXPECT_THAT(collected->artifacts, all) << "with " << spare << " descriptors";
    EXPECT_THAT(collected->rejected, IsEmpty()) << "with " << spare << " descriptors";
  }
  EXPECT_GT(failed, 3);
  EXPECT_LT(failed, 20);
}

// Crashes.

struct Killed {};

TEST(CollectAgain, GivesTheSameAfterAStopAtAnyStep) {
  for (int stop = 1;; ++stop) {
    const TestJob job;
    job.write("a", "first");
    job.write("b/tool", "second");
    ASSERT_EQ(::chmod((job.source() / "b/tool").c_str(), 0755), 0);
    job.write("c", "third");
    std::filesystem::create_hard_link(job.source() / "c", job.source() / "d");
    job.link("a", "e");
    job.write("f..", "bad");
    job.write("g", std::string(2000, 'g'));
    job.write("h/file", "x");
    job.write("h.tar.gz", "conflict");
    const Limits limits{.max_file_bytes = 1000};
    const auto undisturbed = collect(job.source(), job.root() / "other", limits).value();
    std::filesystem::remove_all(job.root() / "other");
    std::filesystem::remove(manifest_path(job.source()));

    bool killed = false;
    try {
      (void)collect_stepwise(job.source(), job.destination(), limits, [step = 0, stop]() mutable {
        if (++step == stop) throw Killed{};
      });
    } catch (const Killed&) {
      killed = true;
    }
    const auto collected = collect_from(job, limits);
    EXPECT_THAT(collected.artifacts,
                ElementsAre(is_artifact("a"), is_artifact("b.tar.gz"), is_artifact("c"),
                            is_artifact("d"), is_artifact("e"), is_artifact("h.tar.gz")))
        << "stopped at step " << stop;
    EXPECT_THAT(collected.rejected, SizeIs(3));
    EXPECT_EQ(collected, undisturbed);
    expect_on_disk(job, collected);
    EXPECT_EQ(collect_from(job, limits), collected) << "a third time changes nothing";
    if (!killed) {
      EXPECT_GE(stop, 8) << "the steps were counted";
      break;
    }
  }
}

TEST(CollectAgain, ReturnsTheCommittedResultWhateverTheSourceHolds) {
  const TestJob job;
  job.write("a", "x");
  const auto first = collect_from(job);
  job.write("late", "x");
  EXPECT_EQ(collect_from(job), first);
}

TEST(CollectAgain, FindsTheArtifactsOfAJobWhoseDirectoryIsGone) {
  const TestJob job;
  job.write("a", "x");
  const auto first = collect_from(job);
  std::filesystem::remove_all(job.root() / "job");
  EXPECT_EQ(collect_from(job), first);
}

TEST(CollectAgain, StartsOverWhenTheManifestIsDamaged) {
  const TestJob job;
  job.write("a", "x");
  const auto first = collect_from(job);
  for (const auto* damage :
       {"", "{", "[]", R"({"artifacts":[{}],"rejected":[],"conflict":null})"}) {
    std::ofstream{manifest_path(job.source())} << damage;
    EXPECT_EQ(collect_from(job), first) << damage;
  }
}

}  // namespace
}  // namespace flashpods::artifacts
