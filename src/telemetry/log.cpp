#include "telemetry/log.h"

#include <algorithm>
#include <array>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace flashpods {

namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

/// Cuts at a character's boundary: bytes of the form 10xxxxxx continue a character (RFC 3629).
std::string cut(const std::string& text) {
  if (text.size() <= kMostLogText) return text;
  std::size_t end = kMostLogText;
  while (end > kMostLogText - 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

ordered_json to_json(const LogField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value)) return cut(*text);
  if (const auto* number = std::get_if<std::int64_t>(&field.value)) return *number;
  return std::get<bool>(field.value);
}

/// The object without its closing brace.
std::string begin_line(Time now, LogLevel level, std::string_view event,
                       std::initializer_list<LogField> fields) {
  ordered_json line{{"at", to_rfc3339_ms(now)},
                    {"level", kLevelNames.at(static_cast<std::size_t>(level))},
                    {"event", event}};
  for (const LogField& field : fields) line[std::string{field.name}] = to_json(field);
  std::string text = line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  text.pop_back();
  return text;
}

}  // namespace

Log::Output Log::to_descriptor(int fd) {
  return [fd](std::string_view line) {
    // A log that cannot be written (a closed pipe, a full disk) must not stop the service.
    [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), line.size());
  };
}

bool Log::may_write(Throttle& throttle, LogRate rate) const {
  const Milliseconds now = clock_.monotonic();
  const std::int64_t earned = (now - throttle.refilled).count() * rate.per_second / 1000;
  if (earned > 0) {
    throttle.tokens = std::min(rate.burst, throttle.tokens + earned);
    throttle.refilled = now;
  }
  if (throttle.tokens == 0) return false;
  --throttle.tokens;
  return true;
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields,
                LogRate rate) {
  if (level < level_) return;
  std::string line = begin_line(clock_.now(), level, event, fields);
  const std::scoped_lock lock(mutex_);
  auto found = throttles_.find(event);
  if (found == throttles_.end()) {
    const Throttle fresh{rate.burst, clock_.monotonic(), 0, {}};
    found = throttles_.emplace(std::string{event}, fresh).first;
  }
  Throttle& throttle = found->second;
  if (!may_write(throttle, rate)) {
    ++throttle.held;
    throttle.last = std::move(line);
    return;
  }
  output_(line + "}\n");
}

void Log::report_held() {
  const std::scoped_lock lock(mutex_);
  for (auto& [event, throttle] : throttles_) {
    if (throttle.held == 0) continue;
    output_(fmt::format("{},\"times\":{}}}\n", throttle.last, throttle.held));
    throttle.held = 0;
    throttle.last.clear();
    // It is a line like others, and takes the place of the next one.
    throttle.tokens = std::max<std::int64_t>(throttle.tokens - 1, 0);
    throttle.refilled = clock_.monotonic();
  }
}

}  // namespace flashpods
