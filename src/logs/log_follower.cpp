#include "logs/log_follower.h"

#include <algorithm>
#include <sys/stat.h>
#include <utility>

namespace flashpods::logs {
namespace {

/// What one event of a stream of events carries at most. A follower whose client does not read
/// holds this much as JSON, in which a byte becomes up to six.
constexpr std::uint64_t kSliceBytes = std::uint64_t{8} * 1024;

Result<LogSlice> read_from(const LogFollower::From& from) {
  auto reader = LogReader::open(from.file);
  if (!reader) return std::unexpected(reader.error());
  return reader->read(from.offset, kSliceBytes, from.options);
}

}  // namespace

LogFollower::LogFollower(From from, std::function<bool()> is_over, Timer& timer, BlockingPool& pool)
    : from_(std::move(from)), is_over_(std::move(is_over)), timer_(timer), pool_(pool) {}

bool LogFollower::has_more() const {
  struct stat info{};
  return ::stat(from_.file.c_str(), &info) == 0 &&
         static_cast<std::uint64_t>(info.st_size) > from_.offset;
}

Milliseconds LogFollower::pause() const { return from_.pause ? from_.pause() : Milliseconds{0}; }

Awaitable<std::optional<Result<LogSlice>>> LogFollower::next() {
  const Milliseconds rest = std::exchange(caught_up_, false) ? pause() : Milliseconds{0};
  if (rest.count() > 0) co_await timer_.sleep_for(rest);
  for (Milliseconds silence{0}; !failed_;) {
    // Asked before the look: what is written until it says "over" is seen by this look.
    from_.options.growing = !is_over_();
    if (has_more()) {
      auto slice = co_await pool_.run([from = from_] { return read_from(from); });
      failed_ = !slice;
      if (slice) from_.offset = slice->next_offset;
      caught_up_ = slice && slice->bytes.size() < kSliceBytes;
      if (!slice || !slice->bytes.empty()) co_return std::move(slice);
    }
    if (!from_.options.growing) break;
    if (from_.patience.count() > 0 && silence >= from_.patience) {
      LogSlice nothing;
      nothing.offset = nothing.next_offset = from_.offset;
      co_return std::move(nothing);
    }
    const Milliseconds wait = std::max(std::clamp(silence / 16, kSoonest, kLatest), pause());
    co_await timer_.sleep_for(wait);
    silence += wait;
  }
  co_return std::nullopt;
}

}  // namespace flashpods::logs
