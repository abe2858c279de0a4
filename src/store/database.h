#pragma once
// SQLite behind plain values. No SQLite type leaves this folder; it knows nothing of jobs.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace flashpods {

/// The database itself failed: a full disk, an I/O error, corruption, or SQL of ours that is wrong.
/// Not an outside-data error, so it is thrown; the transaction is rolled back.
class StoreError : public std::runtime_error {
 public:
  StoreError(const std::string& what, bool disk_full)
      : std::runtime_error(what), disk_full_(disk_full) {}
  [[nodiscard]] bool disk_full() const { return disk_full_; }

 private:
  bool disk_full_;
};

/// A bound parameter or a column. A Time is stored as RFC 3339 text with milliseconds.
using Value = std::variant<std::nullptr_t, std::int64_t, std::string>;

[[nodiscard]] inline Value to_value(std::nullptr_t) { return nullptr; }
[[nodiscard]] inline Value to_value(std::int64_t v) { return v; }
[[nodiscard]] inline Value to_value(int v) { return std::int64_t{v}; }
[[nodiscard]] inline Value to_value(std::uint64_t v) { return static_cast<std::int64_t>(v); }
[[nodiscard]] inline Value to_value(bool v) { return std::int64_t{v ? 1 : 0}; }
[[nodiscard]] inline Value to_value(std::string v) { return v; }
[[nodiscard]] inline Value to_value(std::string_view v) { return std::string{v}; }
[[nodiscard]] inline Value to_value(const char* v) { return std::string{v}; }
[[nodiscard]] inline Value to_value(Time v) { return to_rfc3339_ms(v); }
template <class T>
[[nodiscard]] Value to_value(const std::optional<T>& v) {
  return v ? to_value(*v) : Value{nullptr};
}

/// One result row, copied out. Asking for a column that is not there, or for text where a number
/// is, throws StoreError: it is a mistake in our own SQL.
class Row {
 public:
  Row(std::shared_ptr<const std::vector<std::string>> names, std::vector<Value> values)
      : names_(std::move(names)), values_(std::move(values)) {}
  [[nodiscard]] std::string text(std::string_view column) const;
  [[nodiscard]] std::int64_t integer(std::string_view column) const;
  [[nodiscard]] bool boolean(std::string_view column) const { return integer(column) != 0; }
  [[nodiscard]] Time time(std::string_view column) const;
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(std::string_view column) const;
  [[nodiscard]] std::optional<Time> optional_time(std::string_view column) const;

 private:
  [[nodiscard]] const Value& at(std::string_view column) const;

  std::shared_ptr<const std::vector<std::string>> names_;
  std::vector<Value> values_;
};

/// What a transaction body works with. Statements are prepared once and cached.
/// Parameters are ?1, ?2, … : tx.run("UPDATE t SET a = ?1 WHERE id = ?2", {to_value(5),
/// to_value(id)})
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Runs a statement that gives no rows; returns how many rows it changed.
  virtual std::int64_t run(std::string_view sql, std::vector<Value> parameters = {}) = 0;
  virtual std::vector<Row> rows(std::string_view sql, std::vector<Value> parameters = {}) = 0;
  /// The first row, if any.
  std::optional<Row> row(std::string_view sql, std::vector<Value> parameters = {});
};

}  // namespace flashpods
