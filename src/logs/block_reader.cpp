#include "logs/block_reader.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace flashpods::logs {

Result<void> BlockReader::load(std::uint64_t block) {
  if (block == block_) return {};
  block_ = kNone;
  const auto start = block * kBlock;
  bytes_.resize(std::min(kBlock, size_ - start));
  std::size_t done = 0;
  while (done < bytes_.size()) {
    const auto n = ::pread(file_.get(), bytes_.data() + done, bytes_.size() - done,
                           static_cast<off_t>(start + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error("cannot read the log"));
    if (n == 0) return fail(ErrorKind::kInternal, "log_shrank", "the log shrank while it was read");
    done += static_cast<std::size_t>(n);
  }
  block_ = block;
  return {};
}

Result<std::string_view> BlockReader::forward(std::uint64_t offset, std::uint64_t end) {
  if (offset >= end) return std::string_view{};
  if (auto loaded = load(offset / kBlock); !loaded) return std::unexpected(loaded.error());
  const auto start = block_ * kBlock;
  const auto stop = std::min(end, start + bytes_.size());
  return std::string_view{bytes_}.substr(offset - start, stop - offset);
}

Result<std::string_view> BlockReader::backward(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return std::string_view{};
  if (auto loaded = load((end - 1) / kBlock); !loaded) return std::unexpected(loaded.error());
  const auto start = std::max(begin, block_ * kBlock);
  return std::string_view{bytes_}.substr(start - block_ * kBlock, end - start);
}

}  // namespace flashpods::logs
