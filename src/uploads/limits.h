#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace flashpods::uploads {

inline constexpr std::uint64_t kGibibyte = std::uint64_t{1} << 30;

/// A job names its files with a path: 4095 bytes at most (PATH_MAX), "/work/" and what its programs
/// put before it included. rsync takes a little longer ones, as it names them from within.
inline constexpr std::size_t kMaxPathBytes = 4000;

/// What one upload, and all of them together, may take (specification, "Upload Quotas").
struct Limits {
  std::uint64_t max_upload_bytes = 2 * kGibibyte;  ///< one upload (TreeContent::disk_bytes)
  std::uint64_t max_total_bytes = 10 * kGibibyte;  ///< uploads, sealed and job directories
  std::uint64_t min_free_bytes = 0;                ///< what stays free on their filesystem
  std::uint64_t max_files = 500'000;               ///< one upload, directories too
  Seconds uploading_ttl{30 * 60};                  ///< since the last transfer began or ended
  Seconds finalized_ttl{60 * 60};                  ///< a finalized upload that no job took
};

}  // namespace flashpods::uploads
