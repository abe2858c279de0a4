#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace flashpods::mcp {

/// The path of a file URI (RFC 8089) of this machine; nothing for any other URI.
[[nodiscard]] std::optional<std::filesystem::path> path_of_file_uri(std::string_view uri);

/// The directories in the result of roots/list; what is no local directory is left out.
[[nodiscard]] std::vector<std::filesystem::path> read_roots(const nlohmann::json& result);

}  // namespace flashpods::mcp
