#include "client/event_stream.h"

#include <utility>

namespace flashpods::client {

bool EventStream::add(std::string_view piece) {
  buffer_ += piece;
  std::size_t from = 0;
  for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', from)) {
    auto line = std::string_view{buffer_}.substr(from, end - from);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!take_line(line)) return false;
    from = end + 1;
  }
  buffer_.erase(0, from);
  return true;
}

bool EventStream::take_line(std::string_view line) {
  if (line.empty()) {
    const auto event = std::exchange(event_, {});
    const auto data = std::exchange(data_, {});
    if (!std::exchange(has_data_, false) && event.empty()) return true;
    return on_event_(event.empty() ? "message" : event, data);
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_ = value;
  if (field == "data") {
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_ += value;
  }
  return true;
}

}  // namespace flashpods::client
