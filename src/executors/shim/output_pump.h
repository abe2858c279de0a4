#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "executors/shim/poll_loop.h"
#include "logs/log_writer.h"

namespace flashpods::shim {

/// Moves the job's output from its two FIFOs into the log. Each byte exactly once, even if the shim
/// is killed at any instruction: splice(2) moves a piece out of the FIFO and into the pending file
/// in one system call; the pending file says where in the log the piece belongs, so that the next
/// shim appends just what is missing.
class OutputPump {
 public:
  /// Makes the FIFOs of `directory` or opens them again, and finishes a piece that was under way.
  /// The FIFOs are opened for reading and writing: a dead shim is no closed pipe to the job.
  [[nodiscard]] static Result<OutputPump> open(const std::filesystem::path& directory,
                                               logs::LogWriter log, const Clock& clock);

  /// From now on moves what comes whenever the loop turns. The pump must stay where it is. While
  /// the disk has no room for the log it takes nothing: the job waits at its next line, as it would
  /// for a reader that is slow.
  void begin(PollLoop& loop);

  /// Begins with the first byte, if `is_output` then says that it is the job's and not conmon's.
  void begin_with_output(PollLoop& loop, std::function<bool()> is_output);

  /// Moves all that is in the FIFOs, however long the disk is full; for when no writer is left.
  void drain(PollLoop& loop);

  /// Throws away what is in the FIFOs by now: it is what conmon and the OCI runtime said of a
  /// failed start. Gives the first 16 KB of it. Who writes on meanwhile cannot keep it busy.
  std::string discard();

  /// A FIFO's buffer did not exist before this call of open(): either nobody had used the FIFO, or
  /// everybody who had it open has died, and what was in it is lost (pipe(7)).
  [[nodiscard]] bool has_new_buffer() const { return new_buffer_; }

  /// Something came, be it in the log by now or in a FIFO still.
  [[nodiscard]] bool has_any() const;

  [[nodiscard]] logs::LogWriter& log() { return log_; }

 private:
  OutputPump(logs::LogWriter log, const Clock& clock) : log_(std::move(log)), clock_(&clock) {}

  enum class Moved : std::uint8_t { kNothing, kPiece, kDiskIsFull };

  Moved finish_pending();
  Moved finish_held();
  Moved move_piece(int fifo, logs::Stream stream);
  Moved append_directly(int fifo, logs::Stream stream);
  void move_or_wait(PollLoop& loop, int fifo, logs::Stream stream);
  void wait_for_room(PollLoop& loop);

  logs::LogWriter log_;
  const Clock* clock_;
  Fd out_;
  Fd err_;
  Fd pending_;
  bool new_buffer_ = false;
  std::string held_;  ///< taken out of a FIFO, and the disk had no room for it
  logs::Stream held_stream_ = logs::Stream::kUnknown;
};

}  // namespace flashpods::shim
