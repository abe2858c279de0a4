#include "logs/log_writer.h"

#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/small_disk.h"
#include "logs/log_index.h"
#include "logs/log_test_support.h"

namespace flashpods::logs {
namespace {

std::string content(const TestLog& log) { return read_file(log.file, 1 << 30).value(); }

TEST(LogWriter, KeepsBytesStreamsAndTimes) {
  const TestLog log;
  auto writer = log.writer();
  writer.append(Stream::kStdout, "one\n", at_ms(1000));
  writer.append(Stream::kStderr, "two\n", at_ms(1001));
  EXPECT_EQ(content(log), "one\ntwo\n");

  auto index = LogIndex::open(log.file).value();
  ASSERT_EQ(index.pieces(), 2);
  EXPECT_EQ(index.piece(1)->offset, 4);
  EXPECT_EQ(index.piece(1)->length, 4);
  EXPECT_EQ(index.piece(1)->stream, Stream::kStderr);
  EXPECT_EQ(index.piece(1)->time, at_ms(1001));
}

TEST(LogIndex, FindsThePieceThatHoldsAByte) {
  const TestLog log;
  auto writer = log.writer();
  writer.append(Stream::kStdout, "01", at_ms(1));
  writer.append(Stream::kStderr, "23", at_ms(2));
  writer.append(Stream::kStdout, "4", at_ms(3));
  auto index = LogIndex::open(log.file).value();
  const std::vector<std::uint64_t> pieces{0, 0, 1, 1, 2, 3, 3};
  for (std::uint64_t offset = 0; offset < pieces.size(); ++offset) {
    EXPECT_EQ(index.find(offset), pieces[offset]) << offset;
  }
}

TEST(LogWriter, JoinsPiecesOfOneStreamThatAreClose) {
  const TestLog log;
  auto writer = log.writer();
  writer.append(Stream::kStdout, "a", at_ms(1000));
  writer.append(Stream::kStdout, "b", at_ms(1005));
  writer.append(Stream::kStdout, "c", at_ms(1006));
  auto index = LogIndex::open(log.file).value();
  ASSERT_EQ(index.pieces(), 2);
  EXPECT_EQ(index.piece(0)->length, 2);
  EXPECT_EQ(index.end(), 3);
}

TEST(LogWriter, HoldsExactlyTheFirstBytes) {
  const TestLog log;
  auto writer = log.writer(10);
  writer.append(Stream::kStdout, "0123456789", at_ms(1));
  EXPECT_FALSE(writer.truncated()) << "full, but nothing was lost";
  writer.append(Stream::kStdout, "x", at_ms(2));
  EXPECT_TRUE(writer.truncated());
  EXPECT_EQ(content(log), "0123456789");
}

TEST(LogWriter, CutsThePieceThatDoesNotFit) {
  const TestLog log;
  auto writer = log.writer(10);
  writer.append(Stream::kStdout, "01234567", at_ms(1));
  writer.append(Stream::kStderr, "89abcdef", at_ms(2));
  EXPECT_EQ(writer.bytes(), 10);
  EXPECT_EQ(content(log), "0123456789");
  EXPECT_EQ(LogIndex::open(log.file)->header().dropped_bytes, 6);
}

TEST(LogWriter, StaysTruncatedWhenContinued) {
  const TestLog log;
  log.writer(2).append(Stream::kStdout, "abc", at_ms(1));
  auto writer = log.writer(100);
  EXPECT_TRUE(writer.truncated());
  writer.append(Stream::kStdout, "defg", at_ms(2));
  EXPECT_EQ(content(log), "ab") << "a hole in the middle would pass for the whole";
  EXPECT_EQ(LogIndex::open(log.file)->header().dropped_bytes, 5);
}

TEST(LogWriter, ContinuesWhereItStopped) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "one", at_ms(1));
  log.writer().append(Stream::kStderr, "two", at_ms(2));
  EXPECT_EQ(content(log), "onetwo");
  EXPECT_EQ(LogIndex::open(log.file)->pieces(), 2);
}

TEST(LogWriter, MarksWhatTheIndexMissesAsUnknown) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "one", at_ms(1));
  ASSERT_TRUE(write_all(::open(log.file.c_str(), O_WRONLY | O_APPEND), "lost"));
  auto writer = log.writer();
  EXPECT_EQ(writer.bytes(), 7);
  auto index = LogIndex::open(log.file).value();
  ASSERT_EQ(index.pieces(), 2);
  EXPECT_EQ(index.piece(1)->stream, Stream::kUnknown);
  EXPECT_EQ(index.piece(1)->length, 4);
}

TEST(LogWriter, ForgetsRecordsOfBytesThatPowerLossTook) {
  const TestLog log;
  {
    auto writer = log.writer();
    writer.append(Stream::kStdout, "0123", at_ms(1));
    writer.append(Stream::kStderr, "4567", at_ms(2));
    writer.append(Stream::kStdout, "89", at_ms(3));
  }
  std::filesystem::resize_file(log.file, 6);
  auto writer = log.writer();
  writer.append(Stream::kStdout, "new", at_ms(9));
  auto index = LogIndex::open(log.file).value();
  ASSERT_EQ(index.pieces(), 3);
  EXPECT_EQ(index.piece(1)->length, 2);
  EXPECT_EQ(index.piece(2)->offset, 6);
  EXPECT_EQ(content(log), "012345new");
}

TEST(LogWriter, IgnoresZerosAtTheEndOfTheIndex) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "one", at_ms(1));
  const auto index_file = index_path(log.file);
  std::filesystem::resize_file(index_file, std::filesystem::file_size(index_file) + 4096);
  EXPECT_EQ(LogIndex::open(log.file)->pieces(), 1);
  log.writer().append(Stream::kStderr, "two", at_ms(2));
  auto index = LogIndex::open(log.file).value();
  ASSERT_EQ(index.pieces(), 2);
  EXPECT_EQ(index.end(), 6);
}

/// Single bytes, in turn to both streams.
void write_in_turn(LogWriter& writer, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    writer.append(i % 2 == 0 ? Stream::kStdout : Stream::kStderr, "x", at_ms(1));
  }
}

TEST(LogWriter, TheIndexTakesAtMostAQuarterOfTheLimit) {
  const TestLog log;
  constexpr std::uint64_t kCap = 128 * 1024;
  auto writer = log.writer(kCap);
  write_in_turn(writer, kCap);
  EXPECT_LE(std::filesystem::file_size(index_path(log.file)), kCap / 4 + 2 * kRecordSize);
  EXPECT_EQ(content(log).size(), kCap);
  auto index = LogIndex::open(log.file).value();
  EXPECT_EQ(index.end(), kCap) << "every byte is described, if as unknown";
  EXPECT_EQ(index.piece(0)->stream, Stream::kStdout) << "what was noted stays as it was";
}

TEST(LogWriter, NotesStreamsAgainOnceTheLogHasGrown) {
  const TestLog log;
  auto writer = log.writer();
  write_in_turn(writer, 50'000);
  const auto size = [&] { return std::filesystem::file_size(index_path(log.file)); };
  EXPECT_LE(size(), most_index_bytes(writer.bytes(), kNoCap) + 2 * kRecordSize);
  EXPECT_LT(LogIndex::open(log.file)->pieces(), 40'000);
  const std::string line(1000, '-');
  for (int i = 0; i < 100; ++i) {
    writer.append(i % 2 == 0 ? Stream::kStdout : Stream::kStderr, line, at_ms(2));
  }
  auto index = LogIndex::open(log.file).value();
  EXPECT_EQ(index.piece(index.pieces() - 1)->stream, Stream::kStderr);
  EXPECT_EQ(index.piece(index.pieces() - 2)->stream, Stream::kStdout);
  EXPECT_EQ(index.end(), writer.bytes());
}

TEST(LogWriter, CreatesPrivateFilesAndFollowsNoLink) {
  const TestLog log;
  (void)log.writer();
  struct stat info{};
  ASSERT_EQ(::stat(log.file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);

  const auto link = log.directory.path() / "link.log";
  std::filesystem::create_symlink(log.file, link);
  EXPECT_FALSE(LogWriter::open(link, kNoCap));
}

TEST(LogWriter, AFullDiskTakesWhatItCanAndTheRestLater) {
  const TestLog log;
  const SmallDisk disk(log.directory.path());
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small filesystem needs root";
  const auto ballast = log.directory.path() / "ballast";
  std::ofstream(ballast) << std::string(30'000, '-');
  auto writer = log.writer();
  std::string piece;
  while (piece.size() < 10'000) piece += std::to_string(piece.size()) + '\n';
  std::string given;
  std::size_t taken = piece.size();
  while (taken == piece.size()) {
    taken = writer.append(Stream::kStdout, piece, at_ms(static_cast<std::int64_t>(given.size())));
    given += piece.substr(0, taken);
    ASSERT_LT(given.size(), 100'000U);
  }
  EXPECT_EQ(writer.append(Stream::kStdout, piece.substr(taken), at_ms(1'000'000)), 0U);
  EXPECT_FALSE(writer.truncated()) << "nothing is lost";
  EXPECT_EQ(writer.bytes(), given.size());

  std::filesystem::remove(ballast);
  const auto rest = piece.substr(taken);
  EXPECT_EQ(writer.append(Stream::kStdout, rest, at_ms(1'000'000)), rest.size());
  EXPECT_EQ(content(log), given + rest);
  const auto index = LogIndex::open(log.file).value();
  EXPECT_EQ(index.end(), writer.bytes());
  EXPECT_EQ(index.header().dropped_bytes, 0U);
}

}  // namespace
}  // namespace flashpods::logs
