#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace flashpods::client {

/// Content of a file that holds a secret. kInvalid "insecure_file" if it is no regular file of ours
/// or group or others may read or write it (the message has the chmod to run).
[[nodiscard]] Result<std::string> read_secret_file(const std::filesystem::path& path);

/// The same, for one secret on one line: white space around it removed; kInvalid "token_missing" if
/// nothing is left.
[[nodiscard]] Result<std::string> read_secret(const std::filesystem::path& path);

/// Text without white space at both ends.
[[nodiscard]] std::string trimmed(std::string_view text);

}  // namespace flashpods::client
