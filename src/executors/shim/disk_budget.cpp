#include "executors/shim/disk_budget.h"

#include <algorithm>

#include <fmt/format.h>

namespace flashpods::shim {

namespace {

using namespace std::chrono_literals;

/// More than a disk of our time writes in a millisecond.
constexpr std::uint64_t kFastestPerMs = std::uint64_t{2} * 1024 * 1024;
constexpr Milliseconds kShortestWait = 200ms;
constexpr Milliseconds kLongestWait = 10s;
/// Most of what is over by then has written little; what is not is worth a count.
constexpr Milliseconds kLongestUnknown = 1s;
/// Other jobs may free what this one takes: the free space alone would never tell.
constexpr Milliseconds kCountAnyway = 2min;
/// Counting takes at most a fifth of a processor, or for the sake of it a hundredth.
constexpr int kRest = 4;
constexpr int kLongRest = 100;

std::uint64_t less(std::uint64_t from, std::uint64_t take) { return from > take ? from - take : 0; }

std::string gigabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / (1024.0 * 1024 * 1024));
}

}  // namespace

DiskBudget::DiskBudget(Limits limits, Free free, Milliseconds now)
    : limits_(limits), free_(std::move(free)), ended_(now) {}

bool DiskBudget::is_low(const Free& free) const {
  return std::ranges::any_of(free, [this](auto bytes) { return bytes < limits_.floor_bytes; });
}

/// The most that the job can have written since the last count, if nobody freed anything.
std::uint64_t DiskBudget::taken_since(const Free& free) const {
  std::uint64_t taken = 0;
  for (std::size_t i = 0; i < std::min(free.size(), free_.size()); ++i) {
    taken = std::max(taken, less(free_[i], free[i]));
  }
  return taken;
}

bool DiskBudget::is_unknown() const { return limits_.job_bytes > 0 && !bytes_; }

Milliseconds DiskBudget::wait(const Free& free) const {
  std::uint64_t room = UINT64_MAX;
  if (limits_.job_bytes > 0) room = less(limits_.job_bytes, bytes_.value_or(0) + taken_since(free));
  for (const auto bytes : free) room = std::min(room, less(bytes, limits_.floor_bytes));
  return std::clamp(Milliseconds(static_cast<std::int64_t>(
                        std::min<std::uint64_t>(room / kFastestPerMs, std::uint64_t{1} << 32))),
                    kShortestWait, is_unknown() ? kLongestUnknown : kLongestWait);
}

bool DiskBudget::must_count(const Free& free, Milliseconds now) const {
  const auto rested = now - ended_;
  if (rested < kRest * took_) return false;
  if (is_unknown() || rested >= std::max(kCountAnyway, kLongRest * took_)) return true;
  const auto taken = taken_since(free);
  if (is_low(free)) return !bytes_at_floor_ || taken > kTolerance / 4;
  return limits_.job_bytes > 0 && bytes_.value_or(0) + taken > limits_.job_bytes;
}

void DiskBudget::counted(std::uint64_t bytes, Free free) {
  bytes_ = bytes;
  free_ = std::move(free);
  if (!is_low(free_)) {
    bytes_at_floor_.reset();
  } else if (!bytes_at_floor_) {
    bytes_at_floor_ = bytes;
  }
}

void DiskBudget::tried(Milliseconds began, Milliseconds now) {
  ended_ = now;
  took_ = now - began;
}

std::optional<std::string> DiskBudget::exceeded() const {
  if (!bytes_) return std::nullopt;
  if (limits_.job_bytes > 0 && *bytes_ > limits_.job_bytes) {
    return fmt::format("The job had {} on disk; it may have {} (jobs.max_job_disk_gb).",
                       gigabytes(*bytes_), gigabytes(limits_.job_bytes));
  }
  if (bytes_at_floor_ && *bytes_ > *bytes_at_floor_ + kTolerance) {
    return fmt::format(
        "The host's disk is nearly full: less than {} were free (jobs.min_free_disk_gb), and the "
        "job, with {} on disk, went on writing.",
        gigabytes(limits_.floor_bytes), gigabytes(*bytes_));
  }
  return std::nullopt;
}

}  // namespace flashpods::shim
