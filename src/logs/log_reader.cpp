#include "logs/log_reader.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "logs/log_text.h"
#include "logs/tail_scan.h"

namespace flashpods::logs {
namespace {

/// A slice of fewer bytes could hold no whole character, and reading would never get on.
constexpr std::uint64_t kMinSliceBytes = 4;

/// Bytes of an unknown stream are with stdout, so that the two streams together have every byte.
bool wanted(const Piece& piece, const ReadOptions& options) {
  const auto shown_in = piece.stream == Stream::kUnknown ? Stream::kStdout : piece.stream;
  return piece.length > 0 && (!options.stream || shown_in == *options.stream);
}

void drop_back(LogSlice& slice, std::size_t count) {
  slice.bytes.resize(slice.bytes.size() - count);
  while (count > 0) {
    auto& last = slice.pieces.back();
    const auto cut = std::min<std::uint64_t>(count, last.length);
    last.length -= cut;
    count -= cut;
    slice.next_offset = last.end();
    if (last.length == 0) slice.pieces.pop_back();
  }
}

void drop_front(LogSlice& slice, std::size_t count) {
  slice.bytes.erase(0, count);
  auto first = slice.pieces.begin();
  while (count > 0) {
    const auto cut = std::min<std::uint64_t>(count, first->length);
    first->offset += cut;
    first->length -= cut;
    count -= cut;
    slice.offset = first->offset;
    if (first->length == 0) ++first;
  }
  slice.pieces.erase(slice.pieces.begin(), first);
}

}  // namespace

std::uint64_t LogSlice::lines() const { return count_lines(bytes); }

std::string LogSlice::text() const {
  return to_valid_utf8(timestamps ? with_timestamps(bytes, pieces, at_line_start) : bytes);
}

Result<LogReader> LogReader::open(const std::filesystem::path& file) {
  // The index first: the log it describes can only be longer by the time it is measured.
  auto index = LogIndex::open(file);
  if (!index) return std::unexpected(index.error());
  Fd log{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat info{};
  if (!log || ::fstat(log.get(), &info) != 0) {
    return std::unexpected(errno_error("cannot open the log"));
  }
  return LogReader{BlockReader{std::move(log), static_cast<std::uint64_t>(info.st_size)},
                   std::move(*index)};
}

PieceList LogReader::pieces(const ReadOptions& options) {
  if (!options.stream && !options.timestamps) return {nullptr, log_.size()};
  // Which stream the newest bytes belong to may not be written yet.
  return {&index_, options.growing ? std::min(index_.end(), log_.size()) : log_.size()};
}

bool LogReader::forget_damaged_index(const Error& error) {
  if (error.code != "index_damaged") return false;
  index_.forget_pieces();
  return true;
}

Result<LogSlice> LogReader::read(std::uint64_t offset, std::uint64_t limit,
                                 const ReadOptions& options) {
  auto slice = read_pieces(offset, limit, options);
  if (slice || !forget_damaged_index(slice.error())) return slice;
  return read_pieces(offset, limit, options);
}

Result<LogSlice> LogReader::tail(std::uint64_t lines, std::uint64_t max_bytes,
                                 const ReadOptions& options) {
  auto slice = tail_pieces(lines, max_bytes, options);
  if (slice || !forget_damaged_index(slice.error())) return slice;
  return tail_pieces(lines, max_bytes, options);
}

Result<LogSlice> LogReader::read_pieces(std::uint64_t offset, std::uint64_t limit,
                                        const ReadOptions& options) {
  LogSlice slice{.offset = offset, .next_offset = offset, .timestamps = options.timestamps};
  const auto room = std::clamp(limit, kMinSliceBytes, kMaxSliceBytes);
  if (auto done = gather(room, options, slice); !done) return std::unexpected(done.error());
  if (options.whole_characters && (slice.limited || options.growing)) {
    drop_back(slice, incomplete_tail(slice.bytes));
  }
  if (!slice.pieces.empty()) slice.offset = slice.pieces.front().offset;
  if (!options.timestamps) return slice;
  const auto starts = line_starts_at(slice.offset, options);
  if (!starts) return std::unexpected(starts.error());
  slice.at_line_start = *starts;
  return slice;
}

/// Fills the slice from its offset; its next_offset is the first byte that it has no room for.
Result<void> LogReader::gather(std::uint64_t limit, const ReadOptions& options, LogSlice& slice) {
  auto list = pieces(options);
  auto number = list.find(slice.offset);
  if (!number) return std::unexpected(number.error());
  for (; *number < list.size(); ++*number) {
    auto piece = list.at(*number);
    if (!piece) return std::unexpected(piece.error());
    if (!wanted(*piece, options)) continue;
    const auto from = std::max(slice.offset, piece->offset);
    const auto end = std::min(piece->end(), from + limit - slice.bytes.size());
    slice.limited = end < piece->end();
    piece->offset = from;
    piece->length = end - from;
    if (auto taken = take(*piece, slice); !taken) return taken;
    slice.next_offset = end;
    if (slice.limited) return {};
  }
  slice.next_offset = std::max(slice.next_offset, list.end());
  return {};
}

Result<void> LogReader::take(const Piece& piece, LogSlice& slice) {
  if (piece.length == 0) return {};
  for (auto at = piece.offset; at < piece.end();) {
    const auto bytes = log_.forward(at, piece.end());
    if (!bytes) return std::unexpected(bytes.error());
    slice.bytes += *bytes;
    at += bytes->size();
  }
  slice.pieces.push_back(piece);
  return {};
}

Result<LogReader::TailStart> LogReader::find_tail(std::uint64_t lines, std::uint64_t max_bytes,
                                                  const ReadOptions& options) {
  auto list = pieces(options);
  TailScan scan{lines, max_bytes};
  for (auto number = list.size(); number-- > 0;) {
    const auto piece = list.at(number);
    if (!piece) return std::unexpected(piece.error());
    if (!wanted(*piece, options)) continue;
    for (auto end = piece->end(); end > piece->offset;) {
      const auto block = log_.backward(piece->offset, end);
      if (!block) return std::unexpected(block.error());
      end -= block->size();
      if (const auto at = scan.feed(*block)) return TailStart{end + *at, scan.limited()};
    }
  }
  return TailStart{};
}

Result<LogSlice> LogReader::tail_pieces(std::uint64_t lines, std::uint64_t max_bytes,
                                        const ReadOptions& options) {
  max_bytes = std::clamp(max_bytes, kMinSliceBytes, kMaxSliceBytes);
  const auto start = find_tail(lines, max_bytes, options);
  if (!start) return std::unexpected(start.error());
  auto slice = read_pieces(start->offset, max_bytes, options);
  if (!slice) return slice;
  slice->limited = start->limited;
  if (start->limited && options.whole_characters) {
    drop_front(*slice, incomplete_head(slice->bytes));
  }
  return slice;
}

Result<bool> LogReader::line_starts_at(std::uint64_t offset, const ReadOptions& options) {
  auto list = pieces(options);
  offset = std::min(offset, list.end());
  if (offset == 0) return true;
  auto number = list.find(offset - 1);
  if (!number) return std::unexpected(number.error());
  for (++*number; (*number)-- > 0;) {
    const auto piece = list.at(*number);
    if (!piece) return std::unexpected(piece.error());
    if (!wanted(*piece, options)) continue;
    const auto end = std::min(offset, piece->end());
    const auto byte = log_.backward(end - 1, end);
    if (!byte) return std::unexpected(byte.error());
    return byte->front() == '\n';
  }
  return true;
}

}  // namespace flashpods::logs
