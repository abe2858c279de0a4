#pragma once

#include <cstdint>
#include <optional>

#include "logs/log_index.h"

namespace flashpods::logs {

/// The pieces a reader goes through: those of the index, then what the index does not describe as
/// one piece of stream kUnknown; together exactly the log's first `end` bytes. Without an index the
/// whole log is one such piece.
class PieceList {
 public:
  PieceList(LogIndex* index, std::uint64_t end) : index_(index), end_(end) {}

  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] Result<Piece> at(std::uint64_t number);
  /// Number of the piece that holds the byte at `offset`; size() at the end.
  [[nodiscard]] Result<std::uint64_t> find(std::uint64_t offset);

 private:
  [[nodiscard]] std::uint64_t indexed() const;
  [[nodiscard]] std::uint64_t indexed_end() const;

  LogIndex* index_;  ///< may be null; the reader's
  std::uint64_t end_;
};

}  // namespace flashpods::logs
