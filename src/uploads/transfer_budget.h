#pragma once

#include <algorithm>
#include <cstdint>

#include "uploads/limits.h"
#include "uploads/upload_files.h"

namespace flashpods::uploads {

/// What one transfer may still write. Written bytes are only an upper bound of what stays on disk
/// (a file replaced is a file freed), so before a transfer is cut its tree is measured again; and
/// as the count gets close to the limit that happens early enough to be over in time.
class TransferBudget {
 public:
  /// `disk` is measured now and then, and counted up in between.
  TransferBudget(const Limits& limits, DiskUse& disk) : limits_(limits), disk_(disk) {}

  /// The upload and everything else were just measured; `written` so far by the process.
  void measured(std::uint64_t upload_bytes, const DiskUse& all, std::uint64_t written) {
    upload_ = upload_bytes;
    disk_ = all;
    last_written_ = written;
    at_measure_ = left();
  }

  /// It could not be measured: the count is all there is to go by, and is believed.
  void not_measured() { at_measure_ = left(); }

  /// The process has written so much since it started.
  void wrote(std::uint64_t written) {
    const std::uint64_t more = written - std::min(last_written_, written);
    upload_ += more;
    disk_.bytes += more;
    disk_.free -= std::min(disk_.free, more);
    last_written_ = std::max(last_written_, written);
  }

  [[nodiscard]] std::uint64_t left() const {
    return std::min({rest(limits_.max_upload_bytes, upload_),
                     rest(limits_.max_total_bytes, disk_.bytes),
                     rest(disk_.free, limits_.min_free_bytes)});
  }

  /// Half of what was left at the last measurement is used up.
  [[nodiscard]] bool wants_measure() const {
    return left() < at_measure_ / 2 && at_measure_ > kTrusted;
  }
  /// Nothing is left, and the count is recent enough to be believed.
  [[nodiscard]] bool is_used_up() const { return left() == 0 && !wants_measure(); }

 private:
  /// A count over no more than this is believed without another measurement.
  static constexpr std::uint64_t kTrusted = 1 << 20;

  static std::uint64_t rest(std::uint64_t all, std::uint64_t taken) {
    return all - std::min(all, taken);
  }

  const Limits& limits_;
  DiskUse& disk_;
  std::uint64_t upload_ = 0;
  std::uint64_t last_written_ = 0;
  std::uint64_t at_measure_ = 0;
};

}  // namespace flashpods::uploads
