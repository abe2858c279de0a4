#pragma once
// The index beside a log, `FILE.idx`: one header, then one record a piece, 32 bytes each, little
// endian. 32 divides the page size, so a record never lies across two pages: a killed writer leaves
// it whole or absent, and a reader of a growing index sees no half.
//
//   header  magic u64 | flags u64 (bit 0: truncated) | dropped bytes u64 | zero u64
//   record  offset u64 | length u64 | time i64 (ms since 1970, 0 = unknown) | stream u8 | 0 0 0 |
//           tag u32
//
// Records follow each other without a gap: each begins where the one before ends. The header is
// written when the log is created, so marking a log truncated needs no room on a full disk.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace flashpods::logs {

static_assert(std::endian::native == std::endian::little,
              "the index is written as it is in memory");

inline constexpr std::uint64_t kIndexMagic = 0x31584449474f4c46;  // "FLOGIDX1"
inline constexpr std::uint32_t kRecordTag = 0x43455250;           // "PREC": a zeroed block is none
inline constexpr std::uint64_t kTruncatedFlag = 1;
inline constexpr std::int64_t kLatestMs = 253'402'300'799'999;  // the last of year 9999 (RFC 3339)

struct IndexHeader {
  std::uint64_t magic = kIndexMagic;
  std::uint64_t flags = 0;
  std::uint64_t dropped_bytes = 0;
  std::uint64_t zero = 0;
};

struct IndexRecord {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::int64_t time_ms = 0;
  std::uint8_t stream = 0;
  std::uint8_t zero[3] = {};
  std::uint32_t tag = kRecordTag;

  [[nodiscard]] std::uint64_t end() const { return offset + length; }
  /// False for what a crash left behind: zeros, or noise.
  [[nodiscard]] bool valid() const {
    return tag == kRecordTag && stream <= 2 && length > 0 && end() > offset && time_ms >= 0 &&
           time_ms <= kLatestMs;
  }
};

inline constexpr std::uint64_t kRecordSize = 32;
static_assert(sizeof(IndexHeader) == kRecordSize && sizeof(IndexRecord) == kRecordSize);

/// Where record number `i` lies in the index.
[[nodiscard]] constexpr std::uint64_t record_position(std::uint64_t i) {
  return (i + 1) * kRecordSize;
}

/// Whole records in an index of this size.
[[nodiscard]] constexpr std::uint64_t records_in(std::uint64_t index_size) {
  return index_size < kRecordSize ? 0 : index_size / kRecordSize - 1;
}

/// What the index may take (and one record more) beside a log that has `log_bytes` and may have
/// `max_log_bytes`. A job that writes single bytes in turn to both streams would otherwise cost 32
/// times what it writes.
[[nodiscard]] constexpr std::uint64_t most_index_bytes(std::uint64_t log_bytes,
                                                       std::uint64_t max_log_bytes) {
  constexpr std::uint64_t kAlways = std::uint64_t{1} << 20;  // 32,000 records for a short log
  constexpr std::uint64_t kShare = 4;
  return std::min(kAlways + log_bytes / kShare,
                  std::max(max_log_bytes / kShare, std::uint64_t{4096}));
}

/// `FILE.idx` of `FILE`.
[[nodiscard]] inline std::filesystem::path index_path(std::filesystem::path log) {
  log += ".idx";
  return log;
}

}  // namespace flashpods::logs
