#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "logs/block_reader.h"
#include "logs/log_format.h"
#include "logs/log_writer.h"

namespace flashpods::logs {

/// A stretch of the log that came from one stream.
struct Piece {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  Stream stream = Stream::kUnknown;
  std::optional<Time> time = std::nullopt;  ///< when its first byte was read, if known

  [[nodiscard]] std::uint64_t end() const { return offset + length; }
};

/// The index of one log as it was when opened. Pieces are looked up by number or offset; the index
/// (it may hold a million records) is never in memory as a whole.
class LogIndex {
 public:
  /// A log without an index has an index of no pieces. Damage within one is found by piece(): it
  /// may hold a million records, and few are looked at.
  [[nodiscard]] static Result<LogIndex> open(const std::filesystem::path& log);

  [[nodiscard]] const IndexHeader& header() const { return header_; }
  [[nodiscard]] std::uint64_t pieces() const { return count_; }
  /// The log's bytes before this one are described; those from here on are not (yet).
  [[nodiscard]] std::uint64_t end() const { return end_; }

  /// kInternal "index_damaged" if it does not begin where the piece before it ends: the log's bytes
  /// would be given twice, or not at all.
  [[nodiscard]] Result<Piece> piece(std::uint64_t number);

  /// From now on it describes nothing; what the header says stays.
  void forget_pieces() { count_ = end_ = 0; }

  /// Number of the piece that holds the byte at `offset`; pieces() if that is not below end().
  [[nodiscard]] Result<std::uint64_t> find(std::uint64_t offset);

 private:
  explicit LogIndex(BlockReader records) : records_(std::move(records)) {}
  [[nodiscard]] Result<IndexRecord> record(std::uint64_t number);
  [[nodiscard]] Result<void> examine();

  BlockReader records_;
  IndexHeader header_;
  std::uint64_t count_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace flashpods::logs
