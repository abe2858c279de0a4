#pragma once
// Structured log lines: one JSON object a line. What anybody can cause to be written is bounded.

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/error.h"

namespace flashpods {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// One member of a line. Values are data: they are JSON-escaped, invalid UTF-8 replaced, and text
/// is cut at kMostLogText. Never give a token or a secret.
struct LogField {
  std::string_view name;
  std::variant<std::string, std::int64_t, bool> value;
  LogField(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  LogField(std::string_view n, std::string_view v) : name(n), value(std::string{v}) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string{v}) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  template <std::integral T>
  LogField(std::string_view n, T v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

/// Bytes of one text value in a line; a longer one ends with "…".
inline constexpr std::size_t kMostLogText = 1000;

/// How often one event may be written: `burst` lines at once, `per_second` over time.
struct LogRate {
  std::int64_t burst = 0;
  std::int64_t per_second = 0;
};
inline constexpr LogRate kUsualRate{200, 20};
/// For events that a peer without the token can cause.
inline constexpr LogRate kStrangersRate{1, 1};

/// Writes log lines. Thread-safe. Lines of one event beyond its rate are not written but counted;
/// report_held() writes the last one of them, with how many it stands for as "times".
class Log {
 public:
  /// Where a line goes, its newline included. Called by one thread at a time.
  using Output = std::function<void(std::string_view line)>;

  Log(const Clock& clock, Output output, LogLevel level)
      : clock_(clock), output_(std::move(output)), level_(level) {}
  Log(const Clock& clock, int fd, LogLevel level) : Log(clock, to_descriptor(fd), level) {}

  /// Each line is one write(2) to `fd`, which the caller keeps open.
  [[nodiscard]] static Output to_descriptor(int fd);

  /// `event` is a fixed snake_case word ("job_started"), never text from outside.
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {},
             LogRate rate = kUsualRate);
  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kDebug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kInfo, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kWarning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kError, event, fields);
  }

  /// Writes one line for each event of which lines were held back. To be called every second.
  void report_held();

 private:
  /// The token bucket of one event, and what it holds back.
  struct Throttle {
    std::int64_t tokens = 0;
    Milliseconds refilled{0};
    std::int64_t held = 0;
    std::string last;  ///< the newest line held, without its closing brace
  };

  bool may_write(Throttle& throttle, LogRate rate) const;

  const Clock& clock_;
  Output output_;
  LogLevel level_;
  std::mutex mutex_;
  std::map<std::string, Throttle, std::less<>> throttles_;  // one an event, of which there are few
};

}  // namespace flashpods
