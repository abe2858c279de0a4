// A job's log and its index: whatever a crash left of the index, every byte of the log is given
// once and in order. "FLAGS LINES LIMIT INDEX-SIZE(2)", the index's bytes, the log's bytes.

#include "logs/log_reader.h"

#include <fcntl.h>
#include <fstream>
#include <iterator>

#include "base/files.h"
#include "base/temporary_directory.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "logs/log_text.h"
#include "logs/log_writer.h"

namespace flashpods {
namespace {

using fuzz::require;
using logs::LogReader;
using logs::LogSlice;
using logs::ReadOptions;

struct Case {
  bool growing = false;
  bool whole_header = false;  ///< a header of ours goes before the index's bytes
  std::uint64_t lines = 0;
  std::uint64_t limit = 0;
  std::string_view index;
  std::string_view log;
};

Case take_case(std::string_view input) {
  Case taken;
  const auto flags = fuzz::take_byte(input);
  taken.growing = (flags & 1U) != 0;
  taken.whole_header = (flags & 2U) != 0;
  taken.lines = fuzz::take_byte(input);
  taken.limit = fuzz::take_byte(input);
  const std::size_t low = fuzz::take_byte(input), high = fuzz::take_byte(input);
  taken.index = input.substr(0, low + 256 * high);
  taken.log = input.substr(taken.index.size());
  return taken;
}

const std::filesystem::path& log_file() {
  static const TemporaryDirectory directory{fast_directory()};
  static const auto file = directory / "job.log";
  return file;
}

void put(const std::filesystem::path& path, std::string_view first, std::string_view second) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  require(file && write_all(file.get(), first) && write_all(file.get(), second),
          "the case can be written");
}

void put_files(const Case& given) {
  const logs::IndexHeader header;
  const std::string_view bytes{reinterpret_cast<const char*>(&header), sizeof header};
  put(log_file(), given.log, {});
  put(logs::index_path(log_file()), given.whole_header ? bytes : std::string_view{}, given.index);
}

LogReader open_log() {
  auto reader = LogReader::open(log_file());
  require(reader.has_value(), "a log can be opened whatever its index is");
  return std::move(*reader);
}

void check_slice(const LogSlice& slice, std::uint64_t limit) {
  require(slice.bytes.size() <= std::max<std::uint64_t>(limit, 4), "a slice keeps its limit");
  std::uint64_t described = 0;
  for (const auto& piece : slice.pieces) described += piece.length;
  require(described == slice.bytes.size(), "its pieces describe its bytes");
  require(is_valid_utf8(slice.text()), "its text is valid UTF-8");
}

/// Everything there is, page after page.
std::string read_all(LogReader& reader, const Case& given, const ReadOptions& options) {
  std::string all;
  for (std::uint64_t offset = 0;;) {
    const auto slice = reader.read(offset, given.limit, options);
    require(slice.has_value(), "a log can be read whatever its index is");
    check_slice(*slice, given.limit);
    require(slice->next_offset >= offset, "reading goes forward");
    all += slice->bytes;
    if (slice->next_offset == offset) return all;
    offset = slice->next_offset;
  }
}

void check_reading(LogReader& reader, const Case& given) {
  ReadOptions options;
  require(read_all(reader, given, options) == given.log, "every byte once");
  options.timestamps = true;
  require(read_all(reader, given, options) == given.log, "every byte once, with times");
  options.whole_characters = false;
  std::size_t sum = 0;
  // Damage that only one stream's way through the index meets counts from then on: hence twice.
  for (int pass = 0; pass < 2; ++pass) {
    sum = 0;
    for (const auto stream :
         {logs::Stream::kUnknown, logs::Stream::kStdout, logs::Stream::kStderr}) {
      options.stream = stream;
      sum += read_all(reader, given, options).size();
    }
  }
  require(sum == given.log.size(), "every byte is of one stream");
  options.growing = given.growing;
  options.whole_characters = true;
  (void)read_all(reader, given, options);
}

void check_tail(LogReader& reader, const Case& given, bool timestamps) {
  ReadOptions options;
  options.timestamps = timestamps;
  const auto slice = reader.tail(given.lines, given.limit, options);
  require(slice.has_value(), "a log has a tail whatever its index is");
  check_slice(*slice, given.limit);
  require(given.log.ends_with(slice->bytes), "the tail is the log's end");
  require(slice->lines() <= given.lines, "it has no more lines than asked for");
  const auto all_lines = logs::count_lines(given.log);
  if (!slice->limited) require(slice->lines() == std::min(given.lines, all_lines), "and no fewer");
}

/// The writer of the next shim: what was there stays, what it adds follows.
void check_writer(const Case& given) {
  auto writer = logs::LogWriter::open(log_file(), std::uint64_t{1} << 30);
  require(writer.has_value(), "a log can be continued whatever its index is");
  writer->append(logs::Stream::kStdout, "more\n", Time{Milliseconds{1}});
  const bool full = writer->truncated();
  auto reader = open_log();
  const auto log = std::string{given.log} + (full ? "" : "more\n");
  require(read_all(reader, given, {}) == log, "what was there stays");
  ReadOptions options;
  options.timestamps = true;
  require(read_all(reader, given, options) == log, "with times, too");
}

FUZZ_TARGET(log_reader) {
  auto given = take_case(input);
  put_files(given);
  auto reader = open_log();
  require(reader.total_bytes() == given.log.size(), "the log has its size");
  check_reading(reader, given);
  check_tail(reader, given, false);
  check_tail(reader, given, true);
  check_writer(given);
}

}  // namespace
}  // namespace flashpods
