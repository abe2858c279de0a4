#include "executors/shim/output_pump.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/files.h"
#include "executors/shim/job_files.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kPiece = 65536;

/// What stands at the beginning of the pending file.
struct PendingHeader {
  std::uint64_t log_bytes = 0;  ///< length of the log before the piece
  std::uint64_t stream = 0;
};

Result<Fd> open_fifo(const std::filesystem::path& path) {
  if (::mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
    return std::unexpected(errno_error("cannot make " + path.string()));
  }
  Fd fifo(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (!fifo) return std::unexpected(errno_error("cannot open " + path.string()));
  return fifo;
}

Result<Fd> open_pending(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return std::unexpected(errno_error("cannot open " + path.string()));
  return file;
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
  pump.recover();
  return pump;
}

void OutputPump::recover() {
  PendingHeader header;
  if (::pread(pending_.get(), &header, sizeof header, 0) == sizeof header) {
    const auto logged = log_.bytes() - std::min(header.log_bytes, log_.bytes());
    append_pending(logged, static_cast<logs::Stream>(header.stream));
  }
}

void OutputPump::append_pending(std::size_t from, logs::Stream stream) {
  std::array<char, kPiece> piece;
  const auto offset = static_cast<off_t>(sizeof(PendingHeader) + from);
  const auto size = ::pread(pending_.get(), piece.data(), piece.size(), offset);
  if (size > 0) log_.append(stream, {piece.data(), static_cast<std::size_t>(size)}, clock_->now());
  while (::ftruncate(pending_.get(), 0) != 0 && errno == EINTR) {
  }
}

// For filesystems that cannot splice, and for a log that is full and only counts.
bool OutputPump::append_directly(int fifo, logs::Stream stream) {
  std::array<char, kPiece> piece;
  const auto size = ::read(fifo, piece.data(), piece.size());
  if (size <= 0) return false;
  log_.append(stream, {piece.data(), static_cast<std::size_t>(size)}, clock_->now());
  return true;
}

bool OutputPump::move_piece(int fifo, logs::Stream stream) {
  if (log_.truncated()) return append_directly(fifo, stream);
  const PendingHeader header{log_.bytes(), static_cast<std::uint64_t>(stream)};
  if (::pwrite(pending_.get(), &header, sizeof header, 0) != sizeof header) {
    return append_directly(fifo, stream);
  }
  off_t offset = sizeof header;
  const auto size =
      ::splice(fifo, nullptr, pending_.get(), &offset, kPiece, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (size < 0 && errno == EAGAIN) return false;
  if (size <= 0) return append_directly(fifo, stream);
  append_pending(0, stream);
  return true;
}

void OutputPump::begin(PollLoop& loop) {
  loop.watch(out_.get(), [this] { move_piece(out_.get(), logs::Stream::kStdout); });
  loop.watch(err_.get(), [this] { move_piece(err_.get(), logs::Stream::kStderr); });
}

void OutputPump::begin_with_output(PollLoop& loop, std::function<bool()> is_output) {
  const auto look = [this, &loop, is_output = std::move(is_output)] {
    for (const int fifo : {out_.get(), err_.get()}) loop.forget(fifo);
    if (is_output()) begin(loop);
  };
  loop.watch(out_.get(), look);
  loop.watch(err_.get(), look);
}

void OutputPump::drain() {
  while (move_piece(out_.get(), logs::Stream::kStdout)) {
  }
  while (move_piece(err_.get(), logs::Stream::kStderr)) {
  }
}

void OutputPump::discard() {
  std::array<char, kPiece> piece;
  for (const int fifo : {out_.get(), err_.get()}) {
    while (::read(fifo, piece.data(), piece.size()) > 0) {
    }
  }
}

}  // namespace flashpods::shim
