#include "telemetry/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temporary_directory.h"

namespace flashpods {
namespace {

struct LogFileTest : testing::Test {
  [[nodiscard]] std::string text(const std::filesystem::path& path) const {
    return read_file(path, 1 << 20).value_or("");
  }

  TemporaryDirectory directory;
  std::filesystem::path file = directory / "daemon.log";
  std::filesystem::path old = directory / "daemon.log.1";
};

TEST_F(LogFileTest, AppendsToWhatIsThere) {
  LogFile::open(file, 1000)->write("one\n");
  LogFile::open(file, 1000)->write("two\n");
  EXPECT_EQ(text(file), "one\ntwo\n");
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms{0600});
}

TEST_F(LogFileTest, KeepsTheNewestLinesInTwoFilesOfBoundedSize) {
  auto log = LogFile::open(file, 100);
  for (int i = 100; i < 200; ++i) log->write("line " + std::to_string(i) + "\n");
  EXPECT_LE(std::filesystem::file_size(file), 100U);
  EXPECT_LE(std::filesystem::file_size(old), 100U);
  const auto kept = text(old) + text(file);
  EXPECT_TRUE(kept.ends_with("line 198\nline 199\n"));
  EXPECT_GT(kept.size(), 100U);
}

TEST_F(LogFileTest, AFileThatIsTooLongAlreadyIsPutAside) {
  {
    auto log = LogFile::open(file, 1 << 20);
    log->write(std::string(5000, 'x') + "\n");
  }
  LogFile::open(file, 100)->write("new\n");
  EXPECT_EQ(text(file), "new\n");
}

TEST_F(LogFileTest, StandardErrorMovesAlong) {
  const Fd before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  auto log = LogFile::open(file, 100);
  const Fd inherited(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  ::dup2(inherited.get(), STDERR_FILENO);
  log->write(std::string(99, 'x') + "\n");
  log->write("rotated\n");
  const bool wrote = ::write(STDERR_FILENO, "printed\n", 8) == 8;
  ::dup2(before.get(), STDERR_FILENO);
  EXPECT_TRUE(wrote);
  EXPECT_EQ(text(file), "rotated\nprinted\n");
}

TEST_F(LogFileTest, WithoutASecondFileTheFirstBeginsAnew) {
  ASSERT_TRUE(std::filesystem::create_directories(old / "in the way"));
  auto log = LogFile::open(file, 100);
  for (int i = 0; i < 100; ++i) log->write("line\n");
  EXPECT_LE(std::filesystem::file_size(file), 100U);
}

TEST_F(LogFileTest, ALinkIsRefused) {
  std::filesystem::create_symlink(directory / "elsewhere", file);
  EXPECT_FALSE(LogFile::open(file, 100));
  EXPECT_FALSE(std::filesystem::exists(directory / "elsewhere"));
}

}  // namespace
}  // namespace flashpods
