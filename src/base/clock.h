#pragma once
// Time as data. Nothing outside this file and async/timer asks the system what time it is.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace flashpods {

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// A moment of the wall clock (UTC), to the millisecond.
using Time = std::chrono::sys_time<Milliseconds>;

/// Where time comes from. Tests and the simulator move a FakeClock by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock: for what is stored and shown. May jump.
  [[nodiscard]] virtual Time now() const = 0;
  /// Never goes back, origin unspecified: for measuring how long something took.
  [[nodiscard]] virtual Milliseconds monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
  [[nodiscard]] Milliseconds monotonic() const override;
};

/// A clock that stands still until told to move.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start = Time{std::chrono::hours{24 * 365 * 56}}) : now_(start) {}
  [[nodiscard]] Time now() const override { return now_; }
  [[nodiscard]] Milliseconds monotonic() const override { return monotonic_; }
  void advance(Milliseconds by) {
    now_ += by;
    monotonic_ += by;
  }
  /// The wall clock alone jumps, as after an NTP step; negative goes back.
  void jump(Milliseconds by) { now_ += by; }

 private:
  Time now_;
  Milliseconds monotonic_{0};
};

/// "2026-01-21T10:30:00Z": what API replies carry (RFC 3339, whole seconds).
[[nodiscard]] std::string to_rfc3339(Time time);

/// "2026-01-21T10:30:00.123Z": what is stored and logged; sorts as text.
[[nodiscard]] std::string to_rfc3339_ms(Time time);

/// Reads either form (UTC only); nothing for anything else.
[[nodiscard]] std::optional<Time> parse_rfc3339(std::string_view text);

/// "8m 32s", "1h 0m 5s", "0s": whole seconds for a person.
[[nodiscard]] std::string to_human_duration(Seconds duration);

}  // namespace flashpods
