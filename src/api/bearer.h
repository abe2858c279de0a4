#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace flashpods::api {

/// The API's bearer token, of which only the SHA-256 is kept in memory.
class BearerToken {
 public:
  explicit BearerToken(std::string_view token);

  /// Checks an Authorization header (RFC 6750, section 2.1) in constant time. kUnauthorized
  /// "unauthorized" if it is missing, of another scheme, or wrong.
  [[nodiscard]] Result<void> check(std::string_view authorization) const;

 private:
  std::string hash_;
};

}  // namespace flashpods::api
