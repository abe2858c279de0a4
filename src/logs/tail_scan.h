#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flashpods::logs {

/// Finds where the last `lines` lines begin, fed from the end backwards: block after block, each
/// directly before the one fed before. Pure.
class TailScan {
 public:
  TailScan(std::uint64_t lines, std::uint64_t max_bytes) : lines_(lines), budget_(max_bytes) {}

  /// Where in `block` the tail begins (0 to its size), or nothing if it begins before the block.
  [[nodiscard]] std::optional<std::size_t> feed(std::string_view block);

  /// The byte limit decided, not the lines.
  [[nodiscard]] bool limited() const { return limited_; }

 private:
  std::uint64_t lines_;
  std::uint64_t budget_;
  bool at_end_ = true;  ///< nothing fed yet: a newline here ends the last line, it begins none
  bool limited_ = false;
};

}  // namespace flashpods::logs
