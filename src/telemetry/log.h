#pragma once
// Structured log lines: one JSON object a line on stderr; the service manager stores them.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/error.h"

namespace flashpods {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// One member of a line. Values are data: they are JSON-escaped, invalid UTF-8 replaced. Never give
/// a token or a secret.
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

/// Where lines go. Thread-safe: a line is written by one write(2).
class Log {
 public:
  Log(const Clock& clock, int fd, LogLevel level) : clock_(clock), fd_(fd), level_(level) {}

  /// `event` is a fixed snake_case word ("job_started"), never text from outside.
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
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

 private:
  const Clock& clock_;
  int fd_;
  LogLevel level_;
};

}  // namespace flashpods
