#include "mcp/progress_sender.h"

#include <memory>

#include <nlohmann/json.hpp>

#include "mcp/json_rpc.h"

namespace flashpods::mcp {

using nlohmann::json;

namespace {

constexpr Milliseconds kInterval{250};

struct Sent {
  bool any = false;
  double done = 0;
  Milliseconds at{0};
};

}  // namespace

Progress make_progress(const json& params, LineWriter& writer, const Clock& clock) {
  const auto token = member(member(params, "_meta"), "progressToken");
  if (!token.is_string() && !token.is_number_integer()) {
    return [](double, std::optional<double>, std::string_view) {};
  }
  auto sent = std::make_shared<Sent>();
  return [token, sent, &writer, &clock](double done, std::optional<double> total,
                                        std::string_view message) {
    const auto now = clock.monotonic();
    if (sent->any && (now - sent->at < kInterval || done <= sent->done)) return;
    if (writer.is_congested()) return;
    *sent = {true, done, now};
    json progress{{"progressToken", token}, {"progress", done}, {"message", message}};
    if (total) progress["total"] = *total;
    writer.send(make_notification("notifications/progress", std::move(progress)));
  };
}

}  // namespace flashpods::mcp
