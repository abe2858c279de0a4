#pragma once

#include <string>
#include <string_view>

namespace flashpods::artifacts {

/// Value of a Content-Disposition header that offers `name` for saving (RFC 6266). A name beyond
/// plain characters also goes as filename* in UTF-8 (RFC 8187), with '_' for each such character in
/// the old form. Whatever the name holds, no header, parameter or line can come of it.
[[nodiscard]] std::string content_disposition(std::string_view name);

}  // namespace flashpods::artifacts
