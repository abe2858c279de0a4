#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "artifacts/gzip_stream.h"
#include "artifacts/measured_copy.h"
#include "base/error.h"
#include "base/hash.h"

struct archive;

namespace flashpods::artifacts {

/// A gzipped tar on its way into a descriptor, hashed and counted as it goes. Header fields are
/// ours: only type, name, link target, rwx bits, time and size come from outside.
class ArchiveSink {
 public:
  /// At most `max_bytes` come out; more is kTooLarge.
  ArchiveSink(int out, std::uint64_t max_bytes);
  ~ArchiveSink();
  ArchiveSink(const ArchiveSink&) = delete;
  ArchiveSink& operator=(const ArchiveSink&) = delete;

  [[nodiscard]] Result<void> add_directory(const std::string& path, const struct stat& info);
  [[nodiscard]] Result<void> add_link(const std::string& path, const struct stat& info,
                                      const std::string& target);
  /// Then write() exactly info.st_size bytes.
  [[nodiscard]] Result<void> begin_file(const std::string& path, const struct stat& info);
  [[nodiscard]] Result<void> write(std::string_view bytes);

  /// Ends the archive; the sink is used up.
  [[nodiscard]] Result<Measured> finish();

 private:
  [[nodiscard]] Result<void> add(const std::string& path, const struct stat& info,
                                 const std::string& target);
  [[nodiscard]] Result<void> check(std::int64_t status);
  [[nodiscard]] Result<void> put(std::string_view piece);
  static std::int64_t on_bytes(archive*, void* self, const void* bytes, std::size_t size);

  archive* archive_;
  int out_;
  std::uint64_t max_bytes_;
  GzipStream gzip_;
  std::uint64_t written_ = 0;
  Sha256 hash_;
  Result<void> failure_;  ///< of the output, as opposed to libarchive's own
  bool discard_ = false;  ///< what is still to come is of no use
};

}  // namespace flashpods::artifacts
