#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace flashpods::client {

/// Reads server-sent events (WHATWG HTML, section 9.2) from pieces that may be cut anywhere. Only
/// `event` and `data` fields are kept; comments (keep-alives) are passed over.
class EventStream {
 public:
  using OnEvent = std::function<bool(std::string_view event, std::string_view data)>;
  explicit EventStream(OnEvent on_event) : on_event_(std::move(on_event)) {}

  /// False once on_event wanted no more.
  [[nodiscard]] bool add(std::string_view piece);

 private:
  bool take_line(std::string_view line);

  OnEvent on_event_;
  std::string buffer_;
  std::string event_;
  std::string data_;
  bool has_data_ = false;
};

}  // namespace flashpods::client
