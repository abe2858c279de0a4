#pragma once
// When to count what a job has on disk, and when it is too much: a pure rule over figures.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace flashpods::shim {

/// Counting a tree takes time, asking a filesystem for its free space takes none. So the free space
/// is asked often, the more often the less is left, and the job's trees are counted when the free
/// space says that it may have taken too much. It cannot say what a job wrote before it was watched
/// (this shim may be its second): the first count comes soon, whatever is free.
///
/// Below the host's floor of free space nobody may take more: the job that goes on growing is the
/// one that ends, whoever filled the disk before. Times are since boot.
class DiskBudget {
 public:
  struct Limits {
    std::uint64_t job_bytes = 0;    ///< what the job may take; 0: no limit
    std::uint64_t floor_bytes = 0;  ///< what must stay free on the host; 0: nothing
  };
  /// Free bytes of each filesystem that the job can write to, always in the same order.
  using Free = std::vector<std::uint64_t>;

  /// What a job below the floor may still write (logs of its own, a lock file).
  static constexpr std::uint64_t kTolerance = std::uint64_t{64} * 1024 * 1024;

  /// What the job has on disk is not known yet.
  DiskBudget(Limits limits, Free free, Milliseconds now);

  /// Less than the floor is free somewhere.
  [[nodiscard]] bool is_low(const Free& free) const;

  /// How long until the free space must be asked again.
  [[nodiscard]] Milliseconds wait(const Free& free) const;

  /// The trees must be counted now.
  [[nodiscard]] bool must_count(const Free& free, Milliseconds now) const;

  /// They were: `bytes` in all. `free` from before the count.
  void counted(std::uint64_t bytes, Free free);

  /// A count took that long, whether it came to its end or not: the next one comes after a rest.
  void tried(Milliseconds began, Milliseconds now);

  /// Why the job must end, for a person; nothing if it may go on.
  [[nodiscard]] std::optional<std::string> exceeded() const;

 private:
  [[nodiscard]] std::uint64_t taken_since(const Free& free) const;
  [[nodiscard]] bool is_unknown() const;

  Limits limits_;
  std::optional<std::uint64_t> bytes_;  ///< at the last count
  Free free_;                           ///< then; before it, when the watch began
  Milliseconds ended_;
  Milliseconds took_{0};
  std::optional<std::uint64_t> bytes_at_floor_;  ///< when the host's free space was first too low
};

}  // namespace flashpods::shim
