#pragma once
// Endpoints are data: one table, one dispatcher.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace flashpods::http {

/// One row: method, pattern such as "/jobs/:id/artifacts/:name", what answers.
struct Route {
  std::string method;
  std::string pattern;
  Handler handler;
  bool public_access = false;  ///< no bearer token asked (only /health, and /metrics if configured)
};

/// Finds the route of a request.
class Router {
 public:
  explicit Router(std::vector<Route> routes);

  /// Fills request.params. kNotFound "not_found" for an unknown path; kMethodNotAllowed for a known
  /// path with another method (details: {"allow": ["GET", "DELETE"]}); HEAD matches GET.
  [[nodiscard]] Result<const Route*> match(Request& request) const;

 private:
  struct Entry;
  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> patterns_;  // segments of routes_[i].pattern
};

}  // namespace flashpods::http
