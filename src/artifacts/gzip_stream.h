#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct z_stream_s;

namespace flashpods::artifacts {

/// One gzip member (RFC 1952) without a name and without a time, so that equal bytes give equal
/// members. What is never finished costs nothing: no more is packed.
class GzipStream {
 public:
  /// Takes what is packed, piece by piece; its failure is that of the call that caused it.
  using Output = std::function<Result<void>(std::string_view)>;

  explicit GzipStream(Output output);
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  [[nodiscard]] Result<void> write(std::string_view bytes);
  /// The rest and the trailer; nothing may be written afterwards.
  [[nodiscard]] Result<void> finish();

 private:
  [[nodiscard]] Result<void> deflate_all(std::string_view bytes, int flush);

  Output output_;
  std::unique_ptr<z_stream_s> state_;  ///< none if there was no memory for it
  std::string packed_;
};

}  // namespace flashpods::artifacts
