#include "api/bearer.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"

namespace flashpods::api {

namespace {

bool is_bearer(std::string_view scheme) {
  constexpr std::string_view kBearer = "bearer ";
  return scheme.size() == kBearer.size() && std::ranges::equal(scheme, kBearer, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

}  // namespace

BearerToken::BearerToken(std::string_view token) : hash_(sha256_hex(token)) {}

Result<void> BearerToken::check(std::string_view authorization) const {
  constexpr std::size_t kSchemeLength = 7;
  const bool bearer =
      authorization.size() > kSchemeLength && is_bearer(authorization.substr(0, kSchemeLength));
  const std::string_view token = bearer ? authorization.substr(kSchemeLength) : std::string_view{};
  if (bearer && equal_in_constant_time(hash_, sha256_hex(token))) return {};
  return fail(ErrorKind::kUnauthorized, "unauthorized",
              bearer ? "The token is wrong: send the token of this server (FLASHPODS_API_TOKEN)"
                     : "Send the header: Authorization: Bearer TOKEN");
}

}  // namespace flashpods::api
