#pragma once
// Members of a reply as plain values. A server of another version is no reason to fall over: what
// is absent or of another type reads as nothing.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace flashpods::cli {

[[nodiscard]] std::string text_at(const nlohmann::json& object, std::string_view name);
[[nodiscard]] std::optional<std::int64_t> integer_at(const nlohmann::json& object,
                                                     std::string_view name);
[[nodiscard]] bool flag_at(const nlohmann::json& object, std::string_view name);
/// The member itself; null if absent.
[[nodiscard]] const nlohmann::json& member_at(const nlohmann::json& object, std::string_view name);
/// The member if it is an array; an empty one otherwise.
[[nodiscard]] const nlohmann::json& array_at(const nlohmann::json& object, std::string_view name);

}  // namespace flashpods::cli
