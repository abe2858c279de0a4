#include "artifacts/gzip_stream.h"

#include <cerrno>
#include <zlib.h>

namespace flashpods::artifacts {
namespace {

/// Twice as fast as the default, for a few per cent of size.
constexpr int kLevel = 4;
/// The largest window, with gzip's header and trailer (zlib.h, deflateInit2).
constexpr int kWindow = 15 + 16;
constexpr int kMemory = 8;  // zlib's default
constexpr std::size_t kPiece = std::size_t{64} * 1024;

}  // namespace

GzipStream::GzipStream(Output output)
    : output_(std::move(output)), state_(std::make_unique<z_stream>()), packed_(kPiece, '\0') {
  const int made =
      deflateInit2(state_.get(), kLevel, Z_DEFLATED, kWindow, kMemory, Z_DEFAULT_STRATEGY);
  if (made != Z_OK) state_.reset();
}

GzipStream::~GzipStream() {
  if (state_) deflateEnd(state_.get());
}

Result<void> GzipStream::write(std::string_view bytes) { return deflate_all(bytes, Z_NO_FLUSH); }

Result<void> GzipStream::finish() { return deflate_all({}, Z_FINISH); }

Result<void> GzipStream::deflate_all(std::string_view bytes, int flush) {
  if (!state_) return std::unexpected(errno_error(ENOMEM, "cannot be packed"));
  // zlib does not change its input, though its type says that it may.
  state_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  state_->avail_in = static_cast<uInt>(bytes.size());
  do {
    state_->next_out = reinterpret_cast<Bytef*>(packed_.data());
    state_->avail_out = static_cast<uInt>(packed_.size());
    deflate(state_.get(), flush);  // fails only where its state was destroyed
    const std::size_t made = packed_.size() - state_->avail_out;
    if (made == 0) break;
    if (auto put = output_({packed_.data(), made}); !put) return put;
  } while (state_->avail_out == 0);
  return {};
}

}  // namespace flashpods::artifacts
