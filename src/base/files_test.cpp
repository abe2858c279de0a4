#include "base/files.h"

#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"

namespace flashpods {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, std::string_view content) { std::ofstream(path) << content; }

std::string content_of(const fs::path& path) { return read_file(path, 1000).value(); }

struct OpenBeneathTest : testing::Test {
  TemporaryDirectory outside, inside;
  Fd directory = open_directory(inside.path()).value();

  Result<Fd> open(std::string_view name, int flags = O_RDONLY, bool follow = false) {
    return open_beneath(directory.get(), name, flags, 0600, follow);
  }
};

TEST_F(OpenBeneathTest, OpensWhatIsInside) {
  fs::create_directory(inside / "a");
  put(inside / "a/b", "text");
  const auto file = open("a/b");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(read_all(file->get(), 100), "text");
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_TRUE(open("a", O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(open("a/b", O_PATH));
}

TEST_F(OpenBeneathTest, CreatesFiles) {
  EXPECT_TRUE(open("new", O_WRONLY | O_CREAT | O_EXCL));
  EXPECT_EQ(fs::status(inside / "new").permissions(), fs::perms{0600});
}

TEST_F(OpenBeneathTest, RefusesEveryWayOut) {
  put(outside / "secret", "secret");
  fs::create_symlink(outside.path(), inside / "absolute");
  fs::create_symlink("../" + outside.path().filename().native(), inside / "relative");
  fs::create_symlink("/proc/self/root", inside / "magic");
  const std::string sibling = "../" + outside.path().filename().native() + "/secret";
  for (const std::string& name :
       {std::string{".."}, sibling, (outside / "secret").native(), std::string{"absolute/secret"},
        std::string{"relative/secret"}, std::string{"magic"}, std::string{"absolute"}}) {
    for (const bool follow : {false, true}) {
      const auto file = open(name, O_RDONLY, follow);
      ASSERT_FALSE(file) << name;
      EXPECT_EQ(file.error().code, "invalid_path") << name << ": " << file.error().message;
    }
  }
}

TEST_F(OpenBeneathTest, FollowsLinksInsideIfAsked) {
  put(inside / "file", "text");
  fs::create_symlink("file", inside / "link");
  EXPECT_EQ(open("link").error().kind, ErrorKind::kInvalid);
  EXPECT_TRUE(open("link", O_RDONLY, true));
}

TEST_F(OpenBeneathTest, APipeWithoutWriterDoesNotBlock) {
  ASSERT_EQ(::mkfifo((inside / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(open("pipe"));
}

TEST_F(OpenBeneathTest, TellsTheSenderWhatIsWrong) {
  put(inside / "file", "");
  EXPECT_EQ(open("absent").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(open("file/below").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(open("").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(open(std::string(300, 'x')).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(open(std::string(70'000, 'x')).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(open(std::string_view{"file\0x", 6}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(open("a\x1b[2J").error().message.find('\x1b'), std::string::npos);
}

TEST_F(OpenBeneathTest, ASocketIsNoFile) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (inside / "socket").c_str(), sizeof address.sun_path - 1);
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), generic, sizeof address), 0);
  EXPECT_EQ(open("socket").error().kind, ErrorKind::kInvalid);
}

struct FilesTest : testing::Test {
  TemporaryDirectory directory;
};

TEST_F(FilesTest, ReadsUpToItsLimit) {
  put(directory / "file", "12345");
  EXPECT_EQ(read_file(directory / "file", 5), "12345");
  EXPECT_EQ(read_file(directory / "file", 4).error().code, "file_too_large");
  EXPECT_EQ(read_file(directory / "absent", 4).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_file(directory.path(), 4).error().code, "not_a_file");
}

TEST_F(FilesTest, ReadingAPipeByNameIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(directory / "pipe", 4).error().code, "not_a_file");
}

TEST_F(FilesTest, ReplacesAFileAndLeavesNothingElse) {
  ASSERT_TRUE(write_file_durably(directory / "file", "old"));
  ASSERT_TRUE(write_file_durably(directory / "file", "new", 0644));
  EXPECT_EQ(content_of(directory / "file"), "new");
  EXPECT_EQ(fs::status(directory / "file").permissions(), fs::perms{0644});
  EXPECT_EQ(list_directory(directory.path()), std::vector<std::string>{"file"});
}

TEST_F(FilesTest, AFailedReplacementLeavesNothing) {
  fs::create_directories(directory / "taken/full");
  EXPECT_FALSE(write_file_durably(directory / "taken", "new"));
  EXPECT_EQ(list_directory(directory.path()), std::vector<std::string>{"taken"});
  EXPECT_EQ(write_file_durably(directory / "absent/file", "").error().kind, ErrorKind::kNotFound);
}

TEST_F(FilesTest, RenamesAcrossDirectories) {
  fs::create_directory(directory / "other");
  put(directory / "file", "text");
  EXPECT_TRUE(rename_durably(directory / "file", directory / "other/file"));
  EXPECT_EQ(content_of(directory / "other/file"), "text");
  EXPECT_EQ(rename_durably(directory / "file", directory / "x").error().kind, ErrorKind::kNotFound);
}

TEST_F(FilesTest, MakesDirectoriesOnce) {
  EXPECT_TRUE(make_directories(directory / "a/b/c/"));
  EXPECT_TRUE(make_directories(directory / "a/b/c"));
  EXPECT_EQ(fs::status(directory / "a/b").permissions(), fs::perms{0700});
  put(directory / "file", "");
  EXPECT_FALSE(make_directories(directory / "file"));
  EXPECT_FALSE(make_directories(directory / "file/below"));
}

TEST_F(FilesTest, ListsSortedNames) {
  for (const char* name : {"b", "a", ".hidden", "C"}) put(directory / name, "");
  EXPECT_EQ(list_directory(directory.path()), (std::vector<std::string>{".hidden", "C", "a", "b"}));
  EXPECT_EQ(list_directory(directory / "absent").error().kind, ErrorKind::kNotFound);
}

TEST_F(FilesTest, WritesThroughAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd in(ends[0]);
  Fd out(ends[1]);
  ASSERT_TRUE(write_all(out.get(), "through"));
  out.reset();
  EXPECT_EQ(read_all(in.get(), 7), "through");
  EXPECT_FALSE(write_all(in.get(), "x"));
}

TEST_F(FilesTest, KnowsTheFreeSpace) {
  EXPECT_GT(free_space(directory.path()).value(), 0U);
  EXPECT_EQ(free_space(directory / "absent").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(sync_directory(directory.path()));
  EXPECT_FALSE(sync_directory(directory / "absent"));
}

}  // namespace
}  // namespace flashpods
