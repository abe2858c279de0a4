#include "base/clock.h"

#include <algorithm>

#include <fmt/format.h>

namespace flashpods {

namespace {

/// Digits of fixed width at `at`, or nothing; no sign or space is let through.
std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

bool has_separators(std::string_view text) {
  return text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' &&
         text[16] == ':' && text.back() == 'Z';
}

}  // namespace

Time SystemClock::now() const {
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

Milliseconds SystemClock::monotonic() const {
  return std::chrono::duration_cast<Milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

std::string to_rfc3339_ms(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::string to_rfc3339(Time time) {
  std::string text = to_rfc3339_ms(time);
  text.replace(text.size() - 5, 5, "Z");
  return text;
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  if (text.size() != 20 && text.size() != 24) return std::nullopt;
  if (!has_separators(text) || (text.size() == 24 && text[19] != '.')) return std::nullopt;
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  const auto fraction = text.size() == 24 ? digits(text, 20, 3) : std::optional<unsigned>{0};
  if (!year || !month || !day || !hour || !minute || !second || !fraction) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                         std::chrono::month{*month}, std::chrono::day{*day}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const Time time = Time{std::chrono::sys_days{date}} + std::chrono::hours{*hour} +
                    std::chrono::minutes{*minute} + Seconds{*second} + Milliseconds{*fraction};
  // A leap second at the end of year 9999 would be shown in five digits.
  if (time >= std::chrono::sys_days{std::chrono::year{10000} / 1 / 1}) return std::nullopt;
  return time;
}

std::string to_human_duration(Seconds duration) {
  const auto total = std::max<Seconds::rep>(duration.count(), 0);
  const auto hours = total / 3600, minutes = total / 60 % 60, seconds = total % 60;
  if (hours > 0) return fmt::format("{}h {}m {}s", hours, minutes, seconds);
  if (minutes > 0) return fmt::format("{}m {}s", minutes, seconds);
  return fmt::format("{}s", seconds);
}

}  // namespace flashpods
