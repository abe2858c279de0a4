#include "cli/json_fields.h"

#include <nlohmann/json.hpp>

namespace flashpods::cli {

const nlohmann::json& member_at(const nlohmann::json& object, std::string_view name) {
  static const nlohmann::json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(std::string{name});
  return found == object.end() ? kNull : *found;
}

const nlohmann::json& array_at(const nlohmann::json& object, std::string_view name) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const auto& value = member_at(object, name);
  return value.is_array() ? value : kEmpty;
}

std::string text_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member_at(object, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::optional<std::int64_t> integer_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member_at(object, name);
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

bool flag_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member_at(object, name);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace flashpods::cli
