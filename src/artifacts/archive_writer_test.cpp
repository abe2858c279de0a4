#include "artifacts/archive_writer.h"

#include <map>

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "artifacts/artifact_test_support.h"
#include "base/files.h"

namespace flashpods::artifacts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Member {
  mode_t mode;
  std::string content = {};
  std::string link = {};
};

/// Packs source() under the name "top" and reads it back with libarchive.
struct Packed : TestJob {
  std::filesystem::path file = root() / "out.tar.gz";
  std::map<std::string, std::string> rejected;

  Result<Measured> pack(const Limits& limits = {}, std::uint64_t max_bytes = kGiB) {
    const auto parent = open_directory(source().parent_path()).value();
    const auto top = hold(parent.get(), source().filename()).value();
    const Fd out{::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600)};
    const ArchiveSize room{limits.max_archive_entries, limits.max_archive_input_bytes};
    return write_archive(
        top, "top", out.get(), max_bytes, limits, room,
        [this](const std::string& path, const std::string& why) { rejected[path] = why; });
  }

  [[nodiscard]] std::vector<std::pair<std::string, Member>> members() const {
    std::vector<std::pair<std::string, Member>> found;
    auto* reader = archive_read_new();
    archive_read_support_filter_gzip(reader);
    archive_read_support_format_tar(reader);
    EXPECT_EQ(archive_read_open_filename(reader, file.c_str(), 10240), ARCHIVE_OK);
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
      Member member{.mode = archive_entry_mode(entry)};
      member.content.resize(static_cast<std::size_t>(archive_entry_size(entry)));
      archive_read_data(reader, member.content.data(), member.content.size());
      if (const char* link = archive_entry_symlink(entry)) member.link = link;
      found.emplace_back(archive_entry_pathname(entry), member);
    }
    archive_read_free(reader);
    return found;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, member] : members()) all.push_back(name);
    return all;
  }
};

TEST(WriteArchive, HoldsTheTreeInOrder) {
  Packed job;
  job.write("b", "content of b");
  job.write("a/inner", "x");
  std::filesystem::create_directory(job.source() / "c");
  const auto measured = job.pack();
  ASSERT_TRUE(measured) << measured.error().message;
  EXPECT_EQ(measured->size_bytes, std::filesystem::file_size(job.file));
  EXPECT_THAT(job.names(), ElementsAre("top/", "top/a/", "top/a/inner", "top/b", "top/c/"));
  EXPECT_EQ(job.members()[3].second.content, "content of b");
  EXPECT_THAT(job.rejected, IsEmpty());
}

TEST(WriteArchive, IsTheSameForTheSameTree) {
  Packed job;
  for (int i = 0; i < 20; ++i) job.write("f" + std::to_string(i), "x");
  EXPECT_EQ(job.pack()->sha256, job.pack()->sha256);
}

TEST(WriteArchive, DropsSpecialBitsAndKeepsExec) {
  Packed job;
  job.write("tool", "x");
  ASSERT_EQ(::chmod((job.source() / "tool").c_str(), 06755), 0);
  job.write("closed", "y");
  ASSERT_EQ(::chmod((job.source() / "closed").c_str(), 0), 0);
  ASSERT_TRUE(job.pack());
  EXPECT_EQ(job.members()[1].second.mode & 07777, 0600);
  EXPECT_EQ(job.members()[1].second.content, "y");
  EXPECT_EQ(job.members()[2].second.mode & 07777, 0755);
}

TEST(WriteArchive, KeepsLinksThatStayInside) {
  Packed job;
  job.write("dir/file", "x");
  job.link("dir/file", "good");
  job.link("../dir", "dir/up");
  job.link("later", "dangling");
  job.link("/etc/passwd", "absolute");
  job.link("../../secret", "climbing");
  job.link("dir/up/../../secret", "through");
  job.link("missing/../../x", "maybe");
  ASSERT_TRUE(job.pack());
  EXPECT_THAT(job.names(), ElementsAre("top/", "top/dangling", "top/dir/", "top/dir/file",
                                       "top/dir/up", "top/good"));
  EXPECT_EQ(job.members()[5].second.link, "dir/file");
  EXPECT_EQ(job.rejected.size(), 4);
  EXPECT_THAT(job.rejected["top/absolute"], HasSubstr("leads out"));
}

TEST(WriteArchive, LeavesOutAndReportsWhatIsNoFile) {
  Packed job;
  job.write("dir/file", "x");
  ASSERT_EQ(::mkfifo((job.source() / "dir/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(job.pack());
  EXPECT_THAT(job.names(), ElementsAre("top/", "top/dir/", "top/dir/file"));
  EXPECT_EQ(job.rejected["top/dir/fifo"], "is a FIFO");
}

TEST(WriteArchive, TakesNamesAsBytes) {
  Packed job;
  const std::string odd = "\xFF\n\x1b";
  const std::string long_name(200, 'n');
  job.write(odd, "x");
  job.write(long_name + "/" + long_name, "y");
  ASSERT_TRUE(job.pack());
  EXPECT_THAT(job.names(), ElementsAre("top/", "top/" + long_name + "/",
                                       "top/" + long_name + "/" + long_name, "top/" + odd));
}

TEST(WriteArchive, FailsBeyondItsLimits) {
  Packed job;
  job.write("a/b/file", std::string(5000, 'x'));
  EXPECT_TRUE(job.pack(
      {.max_archive_depth = 3, .max_archive_entries = 3, .max_archive_input_bytes = 5000}));
  EXPECT_THAT(job.pack({.max_archive_entries = 2}).error().message, HasSubstr("hold 2 together"));
  EXPECT_THAT(job.pack({.max_archive_input_bytes = 4999}).error().message, HasSubstr("too large"));
  EXPECT_THAT(job.pack({.max_archive_depth = 2}).error().message, HasSubstr("deep"));
  EXPECT_EQ(job.pack({}, 100).error().kind, ErrorKind::kTooLarge);
}

TEST(WriteArchive, RefusesASparseBombByItsSize) {
  Packed job;
  job.write("bomb", "");
  std::filesystem::resize_file(job.source() / "bomb", std::uintmax_t{1} << 42);
  EXPECT_EQ(job.pack().error().kind, ErrorKind::kTooLarge);
}

TEST(WriteArchive, BoundsAVeryDeepTree) {
  Packed job;
  Fd at = open_directory(job.source()).value();
  for (int depth = 0; depth < 300; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
    at = Fd{::openat(at.get(), "d", O_RDONLY | O_DIRECTORY)};
  }
  EXPECT_THAT(job.pack().error().message, HasSubstr("100 directories deep"));
  at.reset();
  ASSERT_TRUE(remove_tree(job.source()));
}

}  // namespace
}  // namespace flashpods::artifacts
