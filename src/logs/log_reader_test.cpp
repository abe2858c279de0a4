#include "logs/log_reader.h"

#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/files.h"
#include "logs/log_test_support.h"
#include "logs/log_text.h"

namespace flashpods::logs {
namespace {

constexpr ReadOptions kRaw{.whole_characters = false};

LogSlice tail(const TestLog& log, std::uint64_t lines, ReadOptions options = {},
              std::uint64_t max_bytes = kMaxSliceBytes) {
  return LogReader::open(log.file)->tail(lines, max_bytes, options).value();
}

LogSlice read(const TestLog& log, std::uint64_t offset, ReadOptions options = {},
              std::uint64_t limit = kMaxSliceBytes) {
  return LogReader::open(log.file)->read(offset, limit, options).value();
}

TEST(LogReader, TheTwoStreamsTogetherHaveEveryByte) {
  const TestLog log;
  auto writer = log.writer(64 * 1024);
  for (int i = 0; i < 2000; ++i) {
    writer.append(i % 2 == 0 ? Stream::kStdout : Stream::kStderr, i % 2 == 0 ? "o" : "e", at_ms(1));
  }
  const auto out = read(log, 0, {.stream = Stream::kStdout}).bytes;
  const auto err = read(log, 0, {.stream = Stream::kStderr}).bytes;
  EXPECT_EQ(out.size() + err.size(), 2000);
  EXPECT_GT(out.find('e'), 200) << "the first ones are told apart";
  EXPECT_EQ(err.find('o'), std::string::npos);
}

TEST(LogReader, SaysWhenThereIsNoLog) {
  const TestLog log;
  EXPECT_EQ(LogReader::open(log.file).error().kind, ErrorKind::kNotFound);
}

TEST(LogReader, ReadsAnEmptyLog) {
  const TestLog log;
  (void)log.writer();
  EXPECT_EQ(tail(log, 100).text(), "");
  EXPECT_EQ(tail(log, 100).lines(), 0);
  EXPECT_EQ(read(log, 0).next_offset, 0);
}

TEST(LogReader, TailCountsALastLineWithoutNewline) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "a\nb\nc", at_ms(1));
  EXPECT_EQ(tail(log, 2).bytes, "b\nc");
  EXPECT_EQ(tail(log, 2).lines(), 2);
  EXPECT_EQ(tail(log, 2).offset, 2);
  EXPECT_EQ(tail(log, 0).bytes, "");
  EXPECT_EQ(tail(log, 9).bytes, "a\nb\nc");
}

TEST(LogReader, TailOfOneHugeLineIsBounded) {
  const TestLog log;
  (void)log.writer();
  std::filesystem::resize_file(log.file, std::uintmax_t{1} << 30);  // sparse: 1 GB of NULs
  const auto slice = tail(log, 1, kRaw, 1000);
  EXPECT_EQ(slice.bytes.size(), 1000);
  EXPECT_TRUE(slice.limited);
  EXPECT_EQ(slice.offset, (std::uint64_t{1} << 30) - 1000);
}

TEST(LogReader, TailCutByItsLimitBeginsWithAWholeCharacter) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "\xE2\x82\xAC\xE2\x82\xAC", at_ms(1));
  const auto slice = tail(log, 1, {}, 5);
  EXPECT_EQ(slice.bytes, "\xE2\x82\xAC");
  EXPECT_EQ(slice.offset, 3);
}

TEST(LogReader, GivesOneStream) {
  const TestLog log;
  auto writer = log.writer();
  writer.append(Stream::kStdout, "out1\nou", at_ms(1));
  writer.append(Stream::kStderr, "err1\nerr2\n", at_ms(2));
  writer.append(Stream::kStdout, "t2\n", at_ms(3));
  EXPECT_EQ(read(log, 0, {.stream = Stream::kStdout}).bytes, "out1\nout2\n");
  EXPECT_EQ(tail(log, 1, {.stream = Stream::kStdout}).bytes, "out2\n");
  EXPECT_EQ(tail(log, 1, {.stream = Stream::kStderr}).bytes, "err2\n");
}

TEST(LogReader, TimestampsNameTheFirstByteOfALine) {
  const TestLog log;
  auto writer = log.writer();
  writer.append(Stream::kStdout, "be", at_ms(1000));
  writer.append(Stream::kStdout, "gun\nnext\n", at_ms(2000));
  EXPECT_EQ(tail(log, 2, {.timestamps = true}).text(),
            "1970-01-01T00:00:01.000Z begun\n1970-01-01T00:00:02.000Z next\n");
  EXPECT_EQ(read(log, 3, {.timestamps = true}).text(), "un\n1970-01-01T00:00:02.000Z next\n");
}

TEST(LogReader, ReplacesInvalidBytesInText) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "a\xFF\n", at_ms(1));
  EXPECT_EQ(read(log, 0).text(), "a\xEF\xBF\xBD\n");
}

TEST(LogReader, LeavesABegunCharacterToTheNextReadWhileTheLogGrows) {
  const TestLog log;
  auto writer = log.writer();
  writer.append(Stream::kStdout, "a\xE2\x82", at_ms(1));
  const auto first = read(log, 0, {.growing = true});
  EXPECT_EQ(first.bytes, "a");
  writer.append(Stream::kStderr, "!", at_ms(1));
  writer.append(Stream::kStdout, "\xAC", at_ms(1));
  EXPECT_EQ(read(log, 1, {.stream = Stream::kStdout, .growing = true}).bytes, "\xE2\x82\xAC");
  EXPECT_EQ(read(log, 0).next_offset, 5);
}

TEST(LogReader, GivesABegunCharacterWhenTheJobIsOver) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "a\xE2\x82", at_ms(1));
  EXPECT_EQ(read(log, 0).bytes, "a\xE2\x82");
  EXPECT_EQ(tail(log, 1).bytes, "a\xE2\x82");
}

TEST(LogReader, DoesNotSkipBytesThatTheIndexDoesNotHaveYet) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "one", at_ms(1));
  Fd raw{::open(log.file.c_str(), O_WRONLY | O_APPEND)};
  ASSERT_TRUE(write_all(raw.get(), "two"));
  EXPECT_EQ(read(log, 0, {.stream = Stream::kStdout, .growing = true}).next_offset, 3);
  EXPECT_EQ(read(log, 0, {.stream = Stream::kStdout}).next_offset, 6);
  EXPECT_EQ(read(log, 0, {.growing = true}).bytes, "onetwo");
}

TEST(LogReader, AnOffsetBeyondTheEndGivesNothingAndStays) {
  const TestLog log;
  log.writer().append(Stream::kStdout, "one", at_ms(1));
  const auto slice = read(log, 50);
  EXPECT_EQ(slice.bytes, "");
  EXPECT_EQ(slice.offset, 50);
  EXPECT_EQ(slice.next_offset, 50);
}

TEST(LogReader, SaysThatTheLogWasTruncated) {
  const TestLog log;
  log.writer(2).append(Stream::kStdout, "abcde", at_ms(1));
  const auto reader = LogReader::open(log.file).value();
  EXPECT_TRUE(reader.truncated());
  EXPECT_EQ(reader.dropped_bytes(), 3);
  EXPECT_EQ(reader.total_bytes(), 2);
}

/// A log of three pieces in whose index the second's record is now `record`.
void write_with_second(const TestLog& log, const IndexRecord& record) {
  auto writer = log.writer();
  writer.append(Stream::kStdout, "one\n", at_ms(1));
  writer.append(Stream::kStderr, "two\n", at_ms(2));
  writer.append(Stream::kStdout, "three\n", at_ms(3));
  const Fd index{::open(index_path(log.file).c_str(), O_WRONLY | O_CLOEXEC)};
  ASSERT_EQ(::pwrite(index.get(), &record, sizeof record, record_position(1)), sizeof record);
}

TEST(LogReader, ReadsAroundADamagedIndex) {
  const IndexRecord damaged[] = {
      {.tag = 0},                                        // a block that never reached the disk
      {.offset = 4, .length = 2, .time_ms = 2},          // a gap behind it
      {.offset = 2, .length = 6, .time_ms = 2},          // a byte of two pieces
      {.offset = 4, .length = 4, .time_ms = INT64_MIN},  // no time that can be shown
      {.offset = 4, .length = 4, .time_ms = 2, .stream = 9},
  };
  for (const auto& record : damaged) {
    const TestLog log;
    write_with_second(log, record);
    EXPECT_EQ(read(log, 0, {.timestamps = true}).bytes, "one\ntwo\nthree\n");
    EXPECT_EQ(read(log, 5, {.timestamps = true}).bytes, "wo\nthree\n");
    EXPECT_EQ(tail(log, 2, {.timestamps = true}).text(), "- two\n- three\n");
  }
}

// Laws.

struct Append {
  Stream stream;
  std::string bytes;
  std::int64_t gap_ms;
};

/// Bytes with many newlines and pieces of UTF-8, so that cuts meet them.
rc::Gen<std::string> arbitrary_bytes() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
          "\n", "a", "bc", "\xE2\x82\xAC", "\xE2", "\x82", "\xF0\x9F\x98\x80", "\xFF", "\r\n"})),
      [](const std::vector<std::string>& parts) {
        std::string all;
        for (const auto& part : parts) all += part;
        return all;
      });
}

std::vector<Append> arbitrary_appends() {
  return *rc::gen::container<std::vector<Append>>(rc::gen::build<Append>(
      rc::gen::set(&Append::stream, rc::gen::element(Stream::kStdout, Stream::kStderr)),
      rc::gen::set(&Append::bytes, arbitrary_bytes()),
      rc::gen::set(&Append::gap_ms, rc::gen::inRange<std::int64_t>(0, 12))));
}

void write(const TestLog& log, const std::vector<Append>& appends, std::uint64_t cap = kNoCap) {
  auto writer = log.writer(cap);
  std::int64_t now = 1000;
  for (const auto& append : appends) {
    writer.append(append.stream, append.bytes, at_ms(now += append.gap_ms));
  }
}

std::string joined(const std::vector<Append>& appends, std::optional<Stream> stream = {}) {
  std::string all;
  for (const auto& append : appends) {
    if (!stream || append.stream == *stream) all += append.bytes;
  }
  return all;
}

std::string naive_tail(const std::string& bytes, std::uint64_t lines) {
  std::vector<std::string> split;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto end = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
    split.push_back(bytes.substr(at, end - at));
    at = end;
  }
  std::string tail;
  for (auto i = split.size() - std::min<std::size_t>(lines, split.size()); i < split.size(); ++i) {
    tail += split[i];
  }
  return tail;
}

std::string read_in_pages(const TestLog& log, const ReadOptions& options) {
  std::string all;
  std::uint64_t offset = 0;
  for (;;) {
    const auto slice = read(log, offset, options, *rc::gen::inRange<std::uint64_t>(1, 12));
    all += slice.bytes;
    if (slice.next_offset == offset) return all;
    offset = slice.next_offset;
  }
}

TEST(LogLaws, ReadingGivesWhatWasAppendedUpToTheCap) {
  EXPECT_TRUE(rc::check([] {
    const TestLog log;
    const auto appends = arbitrary_appends();
    const auto cap = *rc::gen::inRange<std::uint64_t>(0, 200);
    write(log, appends, cap);
    RC_ASSERT(read(log, 0, kRaw).bytes == joined(appends).substr(0, cap));
    RC_ASSERT(LogReader::open(log.file)->truncated() == (joined(appends).size() > cap));
  }));
}

TEST(LogLaws, OneStreamIsTheConcatenationOfItsPieces) {
  EXPECT_TRUE(rc::check([] {
    const TestLog log;
    const auto appends = arbitrary_appends();
    write(log, appends);
    const auto stream = *rc::gen::element(Stream::kStdout, Stream::kStderr);
    RC_ASSERT(read(log, 0, {.stream = stream}).bytes == joined(appends, stream));
  }));
}

TEST(LogLaws, TailIsTheLastLines) {
  EXPECT_TRUE(rc::check([] {
    const TestLog log;
    const auto appends = arbitrary_appends();
    write(log, appends);
    const auto lines = *rc::gen::inRange<std::uint64_t>(0, 12);
    const auto stream =
        *rc::gen::element<std::optional<Stream>>(std::nullopt, Stream::kStdout, Stream::kStderr);
    const auto slice = tail(log, lines, {.stream = stream});
    RC_ASSERT(slice.bytes == naive_tail(joined(appends, stream), lines));
    RC_ASSERT(slice.lines() <= lines);
  }));
}

TEST(LogLaws, PagesConcatenateToTheWhole) {
  EXPECT_TRUE(rc::check([] {
    const TestLog log;
    const auto appends = arbitrary_appends();
    write(log, appends);
    const auto stream = *rc::gen::element<std::optional<Stream>>(std::nullopt, Stream::kStdout);
    const auto raw = *rc::gen::arbitrary<bool>();
    RC_ASSERT(read_in_pages(log, {.stream = stream, .whole_characters = !raw}) ==
              joined(appends, stream));
  }));
}

TEST(LogLaws, PagesOfTextConcatenateToTheText) {
  EXPECT_TRUE(rc::check([] {
    const TestLog log;
    const auto appends = arbitrary_appends();
    write(log, appends);
    std::string text;
    for (std::uint64_t offset = 0;;) {
      const auto slice = read(log, offset, {}, *rc::gen::inRange<std::uint64_t>(1, 12));
      text += slice.text();
      if (slice.next_offset == offset) break;
      offset = slice.next_offset;
    }
    RC_ASSERT(text == read(log, 0).text());
  }));
}

TEST(LogLaws, ACutIndexLosesNoByte) {
  EXPECT_TRUE(rc::check([] {
    const TestLog log;
    const auto appends = arbitrary_appends();
    write(log, appends);
    const auto index = index_path(log.file);
    const auto size = std::filesystem::file_size(index);
    std::filesystem::resize_file(index, *rc::gen::inRange<std::uintmax_t>(0, size + 1));
    RC_ASSERT(read(log, 0, kRaw).bytes == joined(appends));
    log.writer().append(Stream::kStderr, "after", at_ms(99'999));
    RC_ASSERT(read(log, 0, kRaw).bytes == joined(appends) + "after");
    auto reread = LogIndex::open(log.file).value();
    RC_ASSERT(reread.end() == joined(appends).size() + 5);
    RC_ASSERT(reread.piece(reread.pieces() - 1)->stream == Stream::kStderr);
  }));
}

}  // namespace
}  // namespace flashpods::logs
