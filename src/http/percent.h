#pragma once
// Percent-encoding, RFC 3986 section 2.1. The other direction is encode_segment in client.h.

#include <optional>
#include <string>
#include <string_view>

namespace flashpods::http {

/// The bytes that `text` stands for; nothing if a '%' is not followed by two hex digits. '+' stays
/// '+' unless `plus_is_space` (query values, as HTML forms and curl --data-urlencode write them).
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text,
                                                        bool plus_is_space = false);

}  // namespace flashpods::http
