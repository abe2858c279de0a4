#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "logs/block_reader.h"
#include "logs/log_index.h"
#include "logs/piece_list.h"

namespace flashpods::logs {

/// No slice holds more than this; larger limits are lowered to it.
inline constexpr std::uint64_t kMaxSliceBytes = std::uint64_t{4} * 1024 * 1024;

struct ReadOptions {
  /// Only this stream's bytes; kStdout includes those of kUnknown.
  std::optional<Stream> stream = std::nullopt;
  bool timestamps = false;  ///< the slice's text gets a time before each line
  /// The job may still write: what is not whole yet (a character, a piece the index does not have)
  /// is left for a later read.
  bool growing = false;
  /// Never end within a UTF-8 character that goes on. False for raw bytes.
  bool whole_characters = true;
};

/// Consecutive bytes of the log, or of one stream of it.
struct LogSlice {
  std::string bytes = {};          ///< as the container wrote them
  std::vector<Piece> pieces = {};  ///< what `bytes` consist of, in order
  std::uint64_t offset = 0;        ///< where in the log the first byte lies
  std::uint64_t next_offset = 0;   ///< where the next read begins
  bool at_line_start = true;       ///< false if the first line began before this slice
  bool limited = false;  ///< the byte limit cut it: more lines were asked for, or more follow
  bool timestamps = false;

  [[nodiscard]] std::uint64_t lines() const;
  /// Valid UTF-8, with timestamps if they were asked for; control characters stay.
  [[nodiscard]] std::string text() const;
};

/// A log as it is at the moment of opening. Where its index turns out to be damaged it is read
/// without one from there on: of no known stream or time, but whole. Memory is bounded by the
/// slice, not by the log or its lines. Blocking; one thread at a time; open one for each request.
class LogReader {
 public:
  /// kNotFound if there is no log.
  [[nodiscard]] static Result<LogReader> open(const std::filesystem::path& file);

  [[nodiscard]] std::uint64_t total_bytes() const { return log_.size(); }
  [[nodiscard]] bool truncated() const { return (index_.header().flags & kTruncatedFlag) != 0; }
  /// What came after the log was full.
  [[nodiscard]] std::uint64_t dropped_bytes() const { return index_.header().dropped_bytes; }

  /// The last `lines` lines, found from the end; the last `max_bytes` bytes of them if they are
  /// longer (`limited`; `offset` says where it begins). A last line without newline counts.
  [[nodiscard]] Result<LogSlice> tail(std::uint64_t lines, std::uint64_t max_bytes,
                                      const ReadOptions& options);

  /// Up to `limit` bytes (at least 4) from `offset` of the log. Reading on from next_offset until
  /// it stays the same gives every byte once. Beyond the end: an empty slice at `offset`.
  [[nodiscard]] Result<LogSlice> read(std::uint64_t offset, std::uint64_t limit,
                                      const ReadOptions& options);

 private:
  LogReader(BlockReader log, LogIndex index) : log_(std::move(log)), index_(std::move(index)) {}

  struct TailStart {
    std::uint64_t offset = 0;
    bool limited = false;
  };
  [[nodiscard]] Result<LogSlice> read_pieces(std::uint64_t offset, std::uint64_t limit,
                                             const ReadOptions& options);
  [[nodiscard]] Result<LogSlice> tail_pieces(std::uint64_t lines, std::uint64_t max_bytes,
                                             const ReadOptions& options);
  [[nodiscard]] bool forget_damaged_index(const Error& error);
  [[nodiscard]] PieceList pieces(const ReadOptions& options);
  [[nodiscard]] Result<TailStart> find_tail(std::uint64_t lines, std::uint64_t max_bytes,
                                            const ReadOptions& options);
  [[nodiscard]] Result<void> gather(std::uint64_t limit, const ReadOptions& options,
                                    LogSlice& slice);
  [[nodiscard]] Result<void> take(const Piece& piece, LogSlice& slice);
  [[nodiscard]] Result<bool> line_starts_at(std::uint64_t offset, const ReadOptions& options);

  BlockReader log_;
  LogIndex index_;
};

}  // namespace flashpods::logs
