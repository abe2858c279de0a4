#include "logs/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/files.h"

namespace flashpods::logs {
namespace {

/// Pieces of one stream this close together share a record; their time is the first one's.
constexpr std::int64_t kJoinMs = 5;

Result<Fd> open_for_writing(const std::filesystem::path& file) {
  Fd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) return std::unexpected(errno_error("cannot open the log " + file.string()));
  return fd;
}

Result<std::uint64_t> size_of(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return std::unexpected(errno_error("cannot examine a log"));
  return static_cast<std::uint64_t>(info.st_size);
}

/// Writes until done or refused; returns how many bytes are in the file.
std::size_t write_at(int fd, std::string_view bytes, std::uint64_t position) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(position + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

template <class T>
bool write_value(int fd, const T& value, std::uint64_t position) {
  const std::string_view bytes{reinterpret_cast<const char*>(&value), sizeof value};
  return write_at(fd, bytes, position) == bytes.size();
}

template <class T>
bool read_value(int fd, T& value, std::uint64_t position) {
  return ::pread(fd, &value, sizeof value, static_cast<off_t>(position)) == sizeof value;
}

Result<void> cut_index(int fd, std::uint64_t records) {
  if (::ftruncate(fd, static_cast<off_t>(record_position(records))) == 0) return {};
  return std::unexpected(errno_error("cannot repair the log's index"));
}

}  // namespace

LogWriter::LogWriter(std::filesystem::path directory, Fd log, Fd index, std::uint64_t max_bytes)
    : directory_(std::move(directory)),
      log_(std::move(log)),
      index_(std::move(index)),
      max_bytes_(max_bytes) {}

Result<LogWriter> LogWriter::open(const std::filesystem::path& file, std::uint64_t max_bytes) {
  auto log = open_for_writing(file);
  if (!log) return std::unexpected(log.error());
  auto index = open_for_writing(index_path(file));
  if (!index) return std::unexpected(index.error());
  LogWriter writer{file.parent_path(), std::move(*log), std::move(*index), max_bytes};
  if (auto recovered = writer.recover(); !recovered) return std::unexpected(recovered.error());
  return writer;
}

Result<void> LogWriter::recover() {
  const auto size = size_of(log_.get());
  if (!size) return std::unexpected(size.error());
  bytes_ = *size;
  if (read_value(index_.get(), header_, 0) && header_.magic == kIndexMagic) {
    if (auto done = recover_records(); !done) return done;
  } else {
    header_ = {};
    if (::ftruncate(index_.get(), 0) != 0 || !write_value(index_.get(), header_, 0)) {
      return std::unexpected(errno_error("cannot write the log's index"));
    }
  }
  truncated_ = (header_.flags & kTruncatedFlag) != 0;
  const auto indexed = records_ == 0 ? 0 : last_.end();
  if (indexed == bytes_) return {};
  const IndexRecord rest{.offset = indexed, .length = bytes_ - indexed};
  if (add_piece(rest)) return {};
  return std::unexpected(errno_error("cannot write the log's index"));
}

/// Keeps the records that are whole and speak of bytes that are there (after a power loss either
/// file may have come out shorter than the other), and cuts the rest off.
Result<void> LogWriter::recover_records() {
  const auto size = size_of(index_.get());
  if (!size) return std::unexpected(size.error());
  IndexRecord record;
  for (records_ = records_in(*size); records_ > 0; --records_) {
    const auto read = read_value(index_.get(), record, record_position(records_ - 1));
    if (read && record.valid() && record.offset < bytes_) break;
  }
  if (auto cut = cut_index(index_.get(), records_); !cut) return cut;
  if (records_ == 0) return {};
  last_ = record;
  if (last_.end() <= bytes_) return {};
  last_.length = bytes_ - last_.offset;
  if (write_value(index_.get(), last_, record_position(records_ - 1))) return {};
  return std::unexpected(errno_error("cannot repair the log's index"));
}

std::size_t LogWriter::append(Stream stream, std::string_view bytes, Time at) {
  const auto room = truncated_ || max_bytes_ < bytes_ ? 0 : max_bytes_ - bytes_;
  const auto kept = bytes.substr(0, std::min<std::uint64_t>(room, bytes.size()));
  const auto written = write_at(log_.get(), kept, bytes_);
  const IndexRecord piece{.offset = bytes_,
                          .length = written,
                          .time_ms = at.time_since_epoch().count(),
                          .stream = std::to_underlying(stream)};
  // Without its place in the index the piece is not there yet: it is written again.
  if (written > 0 && !add_piece(piece)) return 0;
  bytes_ += written;
  if (written < kept.size()) return written;
  if (kept.size() < bytes.size()) drop(bytes.size() - kept.size());
  return bytes.size();
}

bool LogWriter::add_piece(IndexRecord piece) {
  const bool first = records_ == 0;
  const bool same = !first && piece.stream == last_.stream;
  const bool close = same && last_.time_ms != 0 && piece.time_ms >= last_.time_ms &&
                     piece.time_ms - last_.time_ms <= kJoinMs;
  const bool full = !first && record_position(records_) > most_index_bytes(bytes_, max_bytes_);
  const bool unknown = !first && last_.stream == std::to_underlying(Stream::kUnknown);
  if (close || (full && (same || unknown))) return extend_last(piece);
  if (full) piece.stream = std::to_underlying(Stream::kUnknown);
  if (!write_value(index_.get(), piece, record_position(records_))) return false;
  last_ = piece;
  ++records_;
  return true;
}

bool LogWriter::extend_last(const IndexRecord& piece) {
  IndexRecord longer = last_;
  longer.length += piece.length;
  if (!write_value(index_.get(), longer, record_position(records_ - 1))) return false;
  last_ = longer;
  return true;
}

/// Marks the log truncated and counts what is lost. In place: it needs no room on the disk.
void LogWriter::drop(std::uint64_t bytes) {
  truncated_ = true;
  header_.flags |= kTruncatedFlag;
  header_.dropped_bytes += bytes;
  [[maybe_unused]] const auto marked = write_value(index_.get(), header_, 0);
}

Result<void> LogWriter::sync() {
  if (::fdatasync(log_.get()) != 0 || ::fdatasync(index_.get()) != 0) {
    return std::unexpected(errno_error("cannot write the log to disk"));
  }
  return sync_directory(directory_);
}

}  // namespace flashpods::logs
