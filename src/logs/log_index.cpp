#include "logs/log_index.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace flashpods::logs {
namespace {

/// Values are 32 bytes at a multiple of 32, so they never lie across two blocks.
template <class T>
Result<T> read_value(BlockReader& file, std::uint64_t position) {
  const auto bytes = file.forward(position, position + sizeof(T));
  if (!bytes) return std::unexpected(bytes.error());
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

}  // namespace

Result<LogIndex> LogIndex::open(const std::filesystem::path& log) {
  Fd file{::open(index_path(log).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!file && errno == ENOENT) return LogIndex{BlockReader{Fd{}, 0}};
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0) {
    return std::unexpected(errno_error("cannot open the log's index"));
  }
  LogIndex index{BlockReader{std::move(file), static_cast<std::uint64_t>(info.st_size)}};
  if (auto examined = index.examine(); !examined) return std::unexpected(examined.error());
  return index;
}

Result<void> LogIndex::examine() {
  if (records_.size() < kRecordSize) return {};
  const auto header = read_value<IndexHeader>(records_, 0);
  if (!header) return std::unexpected(header.error());
  if (header->magic != kIndexMagic) return {};
  header_ = *header;
  for (count_ = records_in(records_.size()); count_ > 0; --count_) {
    const auto last = record(count_ - 1);
    if (!last) return std::unexpected(last.error());
    end_ = last->end();
    if (last->valid()) return {};
  }
  end_ = 0;
  return {};
}

Result<IndexRecord> LogIndex::record(std::uint64_t number) {
  return read_value<IndexRecord>(records_, record_position(number));
}

Result<Piece> LogIndex::piece(std::uint64_t number) {
  const auto found = record(number);
  if (!found) return std::unexpected(found.error());
  const auto before = number == 0 ? IndexRecord{} : record(number - 1);
  if (!before) return std::unexpected(before.error());
  if (!found->valid() || found->offset != before->end()) {
    return fail(ErrorKind::kInternal, "index_damaged", "the log's index is damaged");
  }
  Piece piece{.offset = found->offset,
              .length = found->length,
              .stream = static_cast<Stream>(found->stream)};
  // The last record may have grown since end() was read: keep to one moment.
  if (number + 1 == count_) piece.length = end_ - std::min(end_, piece.offset);
  if (found->time_ms != 0) piece.time = Time{Milliseconds{found->time_ms}};
  return piece;
}

Result<std::uint64_t> LogIndex::find(std::uint64_t offset) {
  if (offset >= end_) return count_;
  std::uint64_t low = 0;
  std::uint64_t high = count_;  // the first piece that ends beyond `offset` is in [low, high)
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const auto at = record(middle);
    if (!at) return std::unexpected(at.error());
    if (at->end() > offset) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace flashpods::logs
