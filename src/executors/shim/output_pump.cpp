#include "executors/shim/output_pump.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <poll.h>
#include <utility>

#include "base/files.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/job_files.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kPiece = 65536;
constexpr Milliseconds kRetry{500};
/// The size that a FIFO's buffer gets here, and by which a later shim knows it: a buffer that is
/// new has the kernel's size. It is smaller, because a larger one may be refused (pipe(7)).
constexpr int kMarkedSize = 32768;

/// What stands at the beginning of the pending file.
struct PendingHeader {
  std::uint64_t log_bytes = 0;  ///< length of the log before the piece
  std::uint64_t stream = 0;
};

Result<Fd> open_pending(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return std::unexpected(errno_error("cannot open " + path.string()));
  return file;
}

/// True if the buffer has no mark yet; it has one then.
bool mark_buffer(int fifo) {
  if (::fcntl(fifo, F_GETPIPE_SZ) == kMarkedSize) return false;
  ::fcntl(fifo, F_SETPIPE_SZ, kMarkedSize);
  return true;
}

}  // namespace

Result<OutputPump> OutputPump::open(const std::filesystem::path& directory, logs::LogWriter log,
                                    const Clock& clock) {
  auto out = open_fifo(directory / kStdoutFifo);
  if (!out) return std::unexpected(out.error());
  auto err = open_fifo(directory / kStderrFifo);
  if (!err) return std::unexpected(err.error());
  auto pending = open_pending(directory / kPendingFile);
  if (!pending) return std::unexpected(pending.error());
  OutputPump pump(std::move(log), clock);
  pump.out_ = std::move(*out);
  pump.err_ = std::move(*err);
  pump.pending_ = std::move(*pending);
  const bool new_out = mark_buffer(pump.out_.get());
  pump.new_buffer_ = mark_buffer(pump.err_.get()) || new_out;
  [[maybe_unused]] const auto left = pump.finish_pending();  // else the first piece tries again
  return pump;
}

/// Appends what the log lacks of the piece in the pending file, if there is one.
OutputPump::Moved OutputPump::finish_pending() {
  PendingHeader header;
  if (::pread(pending_.get(), &header, sizeof header, 0) != sizeof header) return Moved::kNothing;
  const auto logged = log_.bytes() - std::min(header.log_bytes, log_.bytes());
  std::array<char, kPiece> piece;
  const auto offset = static_cast<off_t>(sizeof header + logged);
  const auto size = ::pread(pending_.get(), piece.data(), piece.size(), offset);
  const std::string_view rest(piece.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto stream = static_cast<logs::Stream>(header.stream);
  if (log_.append(stream, rest, clock_->now()) < rest.size()) return Moved::kDiskIsFull;
  while (::ftruncate(pending_.get(), 0) != 0 && errno == EINTR) {
  }
  return Moved::kPiece;
}

// For filesystems that cannot splice (a killed shim loses this piece), and for a log that is full
// and only counts.
OutputPump::Moved OutputPump::append_directly(int fifo, logs::Stream stream) {
  std::array<char, kPiece> piece;
  const auto size = ::read(fifo, piece.data(), piece.size());
  if (size <= 0) return Moved::kNothing;
  held_.assign(piece.data(), static_cast<std::size_t>(size));
  held_stream_ = stream;
  return finish_held();
}

OutputPump::Moved OutputPump::finish_held() {
  held_.erase(0, log_.append(held_stream_, held_, clock_->now()));
  return held_.empty() ? Moved::kPiece : Moved::kDiskIsFull;
}

OutputPump::Moved OutputPump::move_piece(int fifo, logs::Stream stream) {
  if (finish_pending() == Moved::kDiskIsFull) return Moved::kDiskIsFull;
  if (!held_.empty() && finish_held() == Moved::kDiskIsFull) return Moved::kDiskIsFull;
  if (log_.truncated()) return append_directly(fifo, stream);
  const PendingHeader header{log_.bytes(), static_cast<std::uint64_t>(stream)};
  if (::pwrite(pending_.get(), &header, sizeof header, 0) != sizeof header) {
    return Moved::kDiskIsFull;
  }
  off_t offset = sizeof header;
  const auto size =
      ::splice(fifo, nullptr, pending_.get(), &offset, kPiece, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (size < 0 && errno == EAGAIN) return Moved::kNothing;
  if (size < 0 && errno == EINVAL) return append_directly(fifo, stream);
  return size > 0 ? finish_pending() : Moved::kDiskIsFull;
}

void OutputPump::move_or_wait(PollLoop& loop, int fifo, logs::Stream stream) {
  if (move_piece(fifo, stream) == Moved::kDiskIsFull) wait_for_room(loop);
}

void OutputPump::wait_for_room(PollLoop& loop) {
  for (const int fifo : {out_.get(), err_.get()}) loop.forget(fifo);
  loop.call_at(since_boot() + kRetry, [this, &loop] { begin(loop); });
}

void OutputPump::begin(PollLoop& loop) {
  loop.watch(out_.get(), [this, &loop] { move_or_wait(loop, out_.get(), logs::Stream::kStdout); });
  loop.watch(err_.get(), [this, &loop] { move_or_wait(loop, err_.get(), logs::Stream::kStderr); });
}

void OutputPump::begin_with_output(PollLoop& loop, std::function<bool()> is_output) {
  const auto look = [this, &loop, is_output = std::move(is_output)] {
    for (const int fifo : {out_.get(), err_.get()}) loop.forget(fifo);
    if (is_output()) begin(loop);
  };
  loop.watch(out_.get(), look);
  loop.watch(err_.get(), look);
}

void OutputPump::drain(PollLoop& loop) {
  for (const auto& [fifo, stream] :
       {std::pair(out_.get(), logs::Stream::kStdout), {err_.get(), logs::Stream::kStderr}}) {
    for (auto moved = Moved::kPiece; moved != Moved::kNothing;) {
      moved = move_piece(fifo, stream);
      if (moved == Moved::kDiskIsFull) {
        loop.pause(kRetry);
      }
    }
  }
}

std::string OutputPump::discard() {
  constexpr std::size_t kKept = 16384;
  std::string words;
  std::array<char, kPiece> piece;
  for (const int fifo : {out_.get(), err_.get()}) {
    auto most = static_cast<ssize_t>(::fcntl(fifo, F_GETPIPE_SZ));
    while (most > 0) {
      const auto wanted = std::min(static_cast<std::size_t>(most), piece.size());
      const auto size = ::read(fifo, piece.data(), wanted);
      if (size <= 0) break;
      most -= size;
      words.append(piece.data(), static_cast<std::size_t>(size));
      words.resize(std::min(words.size(), kKept));
    }
  }
  return words;
}

bool OutputPump::has_any() const {
  if (log_.bytes() > 0 || !held_.empty()) return true;
  pollfd ends[] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
  return ::poll(ends, std::size(ends), 0) > 0;
}

}  // namespace flashpods::shim
