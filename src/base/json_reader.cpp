#include "base/json_reader.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace flashpods {

namespace {

using nlohmann::json;

/// Whole numbers only; nothing for a value outside int64.
std::optional<std::int64_t> integer_of(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (!std::in_range<std::int64_t>(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return std::nullopt;
}

bool all_strings(const json& container) {
  return std::ranges::all_of(container, [](const json& item) { return item.is_string(); });
}

}  // namespace

JsonReader::JsonReader(const json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (object_.is_object()) return;
  const std::string_view name = std::string_view{where_}.substr(0, where_.find_last_of('.'));
  reject(Error{ErrorKind::kInvalid, name.empty() ? "invalid_json" : "invalid_field",
               name.empty() ? "The request body must be a JSON object."
                            : fmt::format("'{}' must be an object.", to_one_line(name))});
}

std::string JsonReader::string(std::string_view name) {
  auto value = optional_string(name);
  if (!value && !error_) {
    reject(Error{ErrorKind::kInvalid, "missing_field",
                 fmt::format("'{}{}' is required.", where_, name)});
  }
  return std::move(value).value_or("");
}

std::optional<std::string> JsonReader::optional_string(std::string_view name) {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  wrong_type(name, "a string");
  return std::nullopt;
}

std::optional<bool> JsonReader::optional_bool(std::string_view name) {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  wrong_type(name, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> JsonReader::optional_integer(std::string_view name, std::int64_t low,
                                                         std::int64_t high) {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto number = integer_of(*value);
  if (number && *number >= low && *number <= high) return number;
  wrong_type(name, fmt::format("a whole number from {} to {}", low, high));
  return std::nullopt;
}

std::optional<std::vector<std::string>> JsonReader::optional_strings(std::string_view name) {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_array() && all_strings(*value)) return value->get<std::vector<std::string>>();
  wrong_type(name, "a list of strings");
  return std::nullopt;
}

std::map<std::string, std::string> JsonReader::string_map(std::string_view name) {
  const json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_object() && all_strings(*value)) {
    return value->get<std::map<std::string, std::string>>();
  }
  wrong_type(name, "an object whose values are strings");
  return {};
}

const json* JsonReader::optional_object(std::string_view name) {
  const json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  wrong_type(name, "an object");
  return nullptr;
}

void JsonReader::reject(std::string_view name, std::string_view why) {
  // A caller may name a member of the sender's own making ("env.NAME").
  reject(Error{ErrorKind::kInvalid, "invalid_field",
               fmt::format("'{}{}' {}", where_, to_one_line(name), why)});
}

void JsonReader::reject(Error error) {
  if (!error_) error_ = std::move(error);
}

Result<void> JsonReader::finish() {
  if (error_) return std::unexpected(*error_);
  for (const auto& member : object_.items()) {
    if (asked_.contains(member.key())) continue;
    return fail(ErrorKind::kInvalid, "unknown_field",
                fmt::format("'{}{}' is not a known field.", where_, to_one_line(member.key())));
  }
  return {};
}

const json* JsonReader::find(std::string_view name) {
  asked_.emplace(name);
  if (error_) return nullptr;
  const auto member = object_.find(name);
  return member == object_.end() || member->is_null() ? nullptr : &*member;
}

void JsonReader::wrong_type(std::string_view name, std::string_view wanted) {
  reject(name, fmt::format("must be {}.", wanted));
}

}  // namespace flashpods
