#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "http/server.h"

namespace flashpods::http {

/// What all connections of one server share.
struct Service {
  Server::Options options;
  SystemClock clock;
  SystemRandom random;
  bool stopping = false;
  std::size_t streams = 0;  ///< replies with a StreamBody under way

  /// The Date header, made once a second.
  [[nodiscard]] const std::string& date();
  /// The client's X-Request-Id if it is [A-Za-z0-9._-]{1,64}, else a new one.
  [[nodiscard]] std::string request_id(std::string_view offered);
  /// Tells options.on_fault, if there is one.
  void fault(std::string_view what, std::string_view id) const;

 private:
  Seconds date_second_{-1};
  std::string date_;
};

}  // namespace flashpods::http
