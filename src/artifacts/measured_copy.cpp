#include "artifacts/measured_copy.h"

#include <cerrno>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "base/files.h"
#include "base/hash.h"

namespace flashpods::artifacts {

Result<Measured> measure(int in, std::uint64_t limit, int out) {
  constexpr std::size_t kChunk = std::size_t{256} * 1024;
  std::vector<char> chunk(kChunk);
  Sha256 hash;
  Measured measured;
  for (;;) {
    const auto n = ::read(in, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error("cannot be read"));
    if (n == 0) break;
    const std::string_view bytes{chunk.data(), static_cast<std::size_t>(n)};
    measured.size_bytes += bytes.size();
    if (measured.size_bytes > limit) {
      return fail(ErrorKind::kTooLarge, "artifact_too_large", "grew while it was collected");
    }
    hash.update(bytes);
    if (out < 0) continue;
    if (auto written = write_all(out, bytes); !written) return std::unexpected(written.error());
  }
  measured.sha256 = hash.hex_digest();
  return measured;
}

}  // namespace flashpods::artifacts
