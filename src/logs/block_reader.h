#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods::logs {

/// Random access to a file through one aligned block in memory, so that many small reads near each
/// other, forwards or backwards, cost one system call a block. Not for several threads at once.
class BlockReader {
 public:
  /// Sees the file's first `size` bytes; what is appended later stays unseen.
  BlockReader(Fd file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// The bytes from `offset` up to `end` that lie in one block: at least one if offset < end, and
  /// `end` may not lie beyond size(). The view holds until the next call.
  [[nodiscard]] Result<std::string_view> forward(std::uint64_t offset, std::uint64_t end);

  /// The bytes before `end` down to `begin` that lie in one block, likewise.
  [[nodiscard]] Result<std::string_view> backward(std::uint64_t begin, std::uint64_t end);

 private:
  [[nodiscard]] Result<void> load(std::uint64_t block);

  static constexpr std::uint64_t kBlock = std::uint64_t{64} * 1024;
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  Fd file_;
  std::uint64_t size_ = 0;
  std::uint64_t block_ = kNone;
  std::string bytes_;
};

}  // namespace flashpods::logs
