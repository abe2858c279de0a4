#include <algorithm>

#include <fmt/format.h>

#include "store/database.h"

namespace flashpods {

namespace {

template <class T>
const T& expect(const Value& value, std::string_view column) {
  if (const T* held = std::get_if<T>(&value)) return *held;
  throw StoreError(fmt::format("column {} has another type or is null", column), false);
}

Time expect_time(const std::string& text, std::string_view column) {
  if (const auto time = parse_rfc3339(text)) return *time;
  throw StoreError(fmt::format("column {} holds no time", column), false);
}

bool is_null(const Value& value) { return std::holds_alternative<std::nullptr_t>(value); }

}  // namespace

const Value& Row::at(std::string_view column) const {
  const auto found = std::ranges::find(*names_, column);
  if (found == names_->end()) throw StoreError(fmt::format("no column {}", column), false);
  return values_[static_cast<std::size_t>(found - names_->begin())];
}

std::string Row::text(std::string_view column) const {
  return expect<std::string>(at(column), column);
}

std::int64_t Row::integer(std::string_view column) const {
  return expect<std::int64_t>(at(column), column);
}

Time Row::time(std::string_view column) const { return expect_time(text(column), column); }

std::optional<std::string> Row::optional_text(std::string_view column) const {
  if (is_null(at(column))) return std::nullopt;
  return text(column);
}

std::optional<std::int64_t> Row::optional_integer(std::string_view column) const {
  if (is_null(at(column))) return std::nullopt;
  return integer(column);
}

std::optional<Time> Row::optional_time(std::string_view column) const {
  if (is_null(at(column))) return std::nullopt;
  return time(column);
}

std::optional<Row> Transaction::row(std::string_view sql, std::vector<Value> parameters) {
  std::vector<Row> all = rows(sql, std::move(parameters));
  if (all.empty()) return std::nullopt;
  return std::move(all.front());
}

}  // namespace flashpods
