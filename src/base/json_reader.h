#pragma once
// Typed reading of one JSON object from outside: every member is asked for by name, type and
// bounds; what nobody asked for is an error; every error names the member.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"

namespace flashpods {

/// Parses text into one JSON value. kInvalid "invalid_json" with the position on bad syntax, on
/// nesting deeper than 64, and on an object that names a member twice. Never throws.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view text);

/// Text of a value; invalid UTF-8 inside strings becomes U+FFFD instead of throwing.
[[nodiscard]] std::string dump_json(const nlohmann::json& value, int indent = -1);

/// Reads members of one object. The first error sticks; later reads are no-ops that give defaults,
/// so a caller reads everything and asks finish() once. Missing and null are the same.
/// The value must outlive the reader.
class JsonReader {
 public:
  /// `where` prefixes member names in errors ("files." for a nested object), usually empty.
  explicit JsonReader(const nlohmann::json& object, std::string where = {});

  [[nodiscard]] std::string string(std::string_view name);  ///< required
  [[nodiscard]] std::optional<std::string> optional_string(std::string_view name);
  [[nodiscard]] std::optional<bool> optional_bool(std::string_view name);
  /// A whole number in [low, high]; 1.0 is refused, as is anything outside int64.
  [[nodiscard]] std::optional<std::int64_t> optional_integer(std::string_view name,
                                                             std::int64_t low, std::int64_t high);
  [[nodiscard]] std::optional<std::vector<std::string>> optional_strings(std::string_view name);
  [[nodiscard]] std::map<std::string, std::string> string_map(std::string_view name);
  /// The member itself if it is an object, for a nested reader; nullptr if absent.
  [[nodiscard]] const nlohmann::json* optional_object(std::string_view name);

  /// The rule `ok(value)` failed: records kInvalid "invalid_field" with this message.
  void reject(std::string_view name, std::string_view why);
  /// Records an error of the caller's making (the first one wins).
  void reject(Error error);

  /// The first error, or kInvalid "unknown_field" if the object has a member nobody asked for.
  [[nodiscard]] Result<void> finish();

 private:
  const nlohmann::json* find(std::string_view name);
  void wrong_type(std::string_view name, std::string_view wanted);

  const nlohmann::json& object_;
  std::string where_;
  std::set<std::string, std::less<>> asked_;
  std::optional<Error> error_;
};

}  // namespace flashpods
