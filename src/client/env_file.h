#pragma once

#include <map>
#include <string>
#include <string_view>

namespace flashpods::client {

/// Variables of a file that a shell could source: `NAME=value`, `export NAME='value'`, comments and
/// empty lines. Nothing is expanded; single quotes, double quotes and `'\''` are taken off. Lines
/// of another form are passed over.
[[nodiscard]] std::map<std::string, std::string> parse_env_file(std::string_view text);

}  // namespace flashpods::client
