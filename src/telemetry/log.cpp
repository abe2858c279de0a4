#include "telemetry/log.h"

#include <array>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace flashpods {

namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

}  // namespace

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < level_) return;
  nlohmann::ordered_json line{{"at", to_rfc3339_ms(clock_.now())},
                              {"level", kLevelNames.at(static_cast<std::size_t>(level))},
                              {"event", event}};
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { line[std::string{field.name}] = value; }, field.value);
  }
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
  // A log that cannot be written (a closed pipe, a full disk) must not stop the service.
  [[maybe_unused]] const ssize_t written = ::write(fd_, text.data(), text.size());
}

}  // namespace flashpods
