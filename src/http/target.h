#pragma once
// The request target: what stands between method and version (RFC 9112, section 3.2).

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace flashpods::http {

/// A decoded target. "/" has no segments; "/jobs/" has two, the second empty: it is not "/jobs".
struct Target {
  std::vector<std::string> path;
  std::map<std::string, std::string> query;
};

/// Origin form ("/jobs?limit=5") and absolute form ("http://host/jobs"; its authority is ignored,
/// the Host header stands). kInvalid "bad_request" for anything else, for broken percent-encoding
/// and for a query name that appears twice.
[[nodiscard]] Result<Target> parse_target(std::string_view text);

}  // namespace flashpods::http
