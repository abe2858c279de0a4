#pragma once

#include <algorithm>
#include <cstdint>

#include "uploads/limits.h"
#include "uploads/upload_files.h"

namespace flashpods::uploads {

/// How full the disk is that all transfers share: measured now and then, counted up in between.
class DiskCount {
 public:
  void wrote(std::uint64_t bytes) {
    counted_ += bytes;
    use_.bytes += bytes;
    use_.free -= std::min(use_.free, bytes);
  }
  void measured(const DiskUse& use) { use_ = use; }

  [[nodiscard]] const DiskUse& use() const { return use_; }
  /// All that was ever counted.
  [[nodiscard]] std::uint64_t counted() const { return counted_; }
  /// Counts once more what was counted since counted() said `before`.
  void count_again_since(std::uint64_t before) {
    const std::uint64_t bytes = counted_ - before;
    wrote(bytes);
    counted_ -= bytes;
  }

 private:
  DiskUse use_;
  std::uint64_t counted_ = 0;
};

/// What one transfer may still write. Written bytes are only an upper bound of what stays on disk
/// (a file replaced is a file freed), so before a transfer is cut its tree is measured again; and
/// as the count gets close to the limit that happens early enough to be over in time.
class TransferBudget {
 public:
  /// Where the counts stood when a measurement began.
  struct Mark {
    std::uint64_t written = 0;  ///< by this transfer's process
    std::uint64_t counted = 0;  ///< by all (DiskCount)
  };

  TransferBudget(const Limits& limits, DiskCount& disk) : limits_(limits), disk_(disk) {}

  [[nodiscard]] Mark mark() const { return {last_written_, disk_.counted()}; }

  /// The upload and everything else were measured since `begun`. What was written meanwhile, by
  /// this transfer and by others, is counted again: the measurement may have missed it.
  void measured(std::uint64_t upload_bytes, const DiskUse& all, const Mark& begun) {
    upload_ = upload_bytes;
    disk_.measured(all);
    at_measure_ = left();
    missed_ = last_written_ - begun.written;
    upload_ += missed_;
    disk_.count_again_since(begun.counted);
  }

  /// It could not be measured: the count is all there is to go by, and is believed.
  void not_measured() {
    at_measure_ = left();
    missed_ = 0;
  }

  /// The process has written so much since it started.
  void wrote(std::uint64_t written) {
    const std::uint64_t more = written - std::min(last_written_, written);
    upload_ += more;
    disk_.wrote(more);
    last_written_ = std::max(last_written_, written);
  }

  [[nodiscard]] std::uint64_t left() const {
    return std::min({rest(limits_.max_upload_bytes, upload_),
                     rest(limits_.max_total_bytes, disk_.use().bytes),
                     rest(disk_.use().free, limits_.min_free_bytes)});
  }

  [[nodiscard]] std::uint64_t left_when_measured() const { return at_measure_; }

  /// Half of what was left at the last measurement is used up, or there was none yet; or there is
  /// doubt.
  [[nodiscard]] bool wants_measure() const { return is_halved() || is_in_doubt(); }
  /// Nothing is left, and the count is recent and exact enough to be believed.
  [[nodiscard]] bool is_used_up() const { return left() == 0 && !is_in_doubt(); }
  /// Nothing is left by a count that a measurement may prove wrong: until then nothing more may be
  /// written. So the next measurement misses nothing.
  [[nodiscard]] bool is_in_doubt() const { return left() == 0 && (is_halved() || missed_ > 0); }

 private:
  [[nodiscard]] bool is_halved() const {
    return left() < at_measure_ / 2 && at_measure_ > kTrusted;
  }

  /// A count over no more than this is believed without another measurement.
  static constexpr std::uint64_t kTrusted = 1 << 20;

  static std::uint64_t rest(std::uint64_t all, std::uint64_t taken) {
    return all - std::min(all, taken);
  }

  const Limits& limits_;
  DiskCount& disk_;
  std::uint64_t upload_ = 0;
  std::uint64_t last_written_ = 0;
  std::uint64_t at_measure_ = UINT64_MAX;
  std::uint64_t missed_ = 0;  ///< written by it while it was measured: perhaps counted twice
};

}  // namespace flashpods::uploads
