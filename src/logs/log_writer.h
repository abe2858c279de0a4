#pragma once
// The writing half of a job's log, used by the shim: bytes as they came, and an index beside them.

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "logs/log_format.h"

namespace flashpods::logs {

enum class Stream : std::uint8_t {
  kUnknown = 0,  ///< in the log, but a crash or the index's limit kept its stream from being noted
  kStdout = 1,
  kStderr = 2,
};

/// Appends to `FILE` and `FILE.idx`. The log holds the first `max_bytes` bytes exactly; later ones
/// are counted as dropped and the log is marked truncated (in the index, so it survives a crash).
/// The index takes at most most_index_bytes(): where a job changes streams more often than that
/// allows, pieces share a record of stream kUnknown. Their bytes are kept, in order.
/// One writer at a time (the shim's lock sees to it). Blocking.
class LogWriter {
 public:
  /// Creates (mode 0600) or continues: what the log holds beyond the index becomes one piece of
  /// stream kUnknown; a torn index entry is cut off.
  [[nodiscard]] static Result<LogWriter> open(const std::filesystem::path& file,
                                              std::uint64_t max_bytes);

  /// Appends what one read gave. Returns how many of its bytes are done with: in the log, or
  /// dropped because the log has all it may hold. Fewer than all: the disk took no more; give the
  /// rest again when it may have room.
  std::size_t append(Stream stream, std::string_view bytes, Time at);

  /// Log and index on disk, and their names. Call before the exit record is written.
  [[nodiscard]] Result<void> sync();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] bool truncated() const { return truncated_; }

 private:
  LogWriter(std::filesystem::path directory, Fd log, Fd index, std::uint64_t max_bytes);

  [[nodiscard]] Result<void> recover();
  [[nodiscard]] Result<void> recover_records();
  [[nodiscard]] bool add_piece(IndexRecord piece);
  [[nodiscard]] bool extend_last(const IndexRecord& piece);
  void drop(std::uint64_t bytes);

  std::filesystem::path directory_;
  Fd log_;
  Fd index_;
  std::uint64_t max_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t records_ = 0;  ///< in the index
  IndexRecord last_;           ///< the last of them
  IndexHeader header_;
  bool truncated_ = false;
};

}  // namespace flashpods::logs
