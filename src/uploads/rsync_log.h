#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods::uploads {

/// Finds in rsync's log why it gives a transfer up. What it then does is read and throw away all
/// that its client sends, be it without end, so that the client may come to read the reason
/// (noop_io_until_death() in rsync's io.c). Names in the log are the client's: data, never trusted.
class RsyncFailure {
 public:
  /// More of the log, in pieces of any size.
  void read(std::string_view bytes);

  /// One line, in rsync's own words; nothing while it goes on.
  [[nodiscard]] const std::optional<std::string>& why() const { return why_; }
  /// rsync has logged the line that it writes last, and only if it sent everything.
  [[nodiscard]] bool ended_well() const { return ended_well_; }

 private:
  void read_line(std::string_view line);

  std::string line_;  ///< its beginning, until the rest comes
  std::string complaint_;
  std::optional<std::string> why_;
  bool ended_well_ = false;
};

/// The log of one rsync process: a FIFO that it has open for reading as well. What it writes while
/// no daemon lives is there for the next one, and when the FIFO is full, rsync waits.
class RsyncLog {
 public:
  /// Makes the FIFO, or opens it again.
  [[nodiscard]] static Result<RsyncLog> open(const std::filesystem::path& fifo);

  /// The number of the FIFO in the process.
  static constexpr int kDescriptor = 5;
  [[nodiscard]] int fd() const { return fifo_.get(); }

  /// Reads what has come. Why rsync gave up; nothing while it goes on.
  [[nodiscard]] const std::optional<std::string>& failure();
  /// Reads what has come. True once rsync has ended, and without an error (log_exit() in its
  /// log.c).
  [[nodiscard]] bool ended_well();

 private:
  explicit RsyncLog(Fd fifo) : fifo_(std::move(fifo)) {}
  void read_more();

  Fd fifo_;
  RsyncFailure read_;
};

}  // namespace flashpods::uploads
