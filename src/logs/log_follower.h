#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "async/awaitable.h"
#include "async/blocking_pool.h"
#include "async/timer.h"
#include "logs/log_reader.h"

namespace flashpods::logs {

/// Gives a log's bytes as they come, until the job is over and all are given:
///   while (auto slice = co_await follower.next()) …
/// It looks again after a sixteenth of the silence so far, so that output is hardly older than it
/// must be and a silent job costs little; a look at a log that has not grown costs one stat(2).
/// (inotify(7) would tell, but its instances are few and shared by all programs of a user.) Timer,
/// pool and what `is_over` refers to must outlive it. On the loop's thread.
class LogFollower {
 public:
  struct From {
    std::filesystem::path file;  ///< may not exist yet
    std::uint64_t offset = 0;
    ReadOptions options = {};  ///< `growing` is the follower's to set
    /// After so long without a byte next() gives an empty slice, so that its caller can find out
    /// whether anyone still listens. Zero: never.
    Milliseconds patience{0};
    /// How long to wait at least between two looks once the log's end was reached: many followers
    /// share what one loop can do. Asked each time. Empty: no longer than described above.
    std::function<Milliseconds()> pause = {};
  };
  static constexpr Milliseconds kSoonest{5};
  static constexpr Milliseconds kLatest{150};

  /// `is_over` is asked on the loop; once it says true, the log must not grow any more.
  LogFollower(From from, std::function<bool()> is_over, Timer& timer, BlockingPool& pool);

  /// The next bytes; nothing at the end. Empty only after `patience`. An error ends it too.
  Awaitable<std::optional<Result<LogSlice>>> next();

  /// Where the next slice begins: what a client gives to go on after a broken connection.
  [[nodiscard]] std::uint64_t offset() const { return from_.offset; }

 private:
  [[nodiscard]] bool has_more() const;
  [[nodiscard]] Milliseconds pause() const;

  From from_;
  std::function<bool()> is_over_;
  Timer& timer_;
  BlockingPool& pool_;
  bool failed_ = false;
  bool caught_up_ = false;  ///< the last slice reached the log's end
};

}  // namespace flashpods::logs
