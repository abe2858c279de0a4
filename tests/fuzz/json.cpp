// JSON texts: one value, read the same whoever reads it.

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/text.h"
#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

FUZZ_TARGET(json) {
  const auto value = parse_json(input);
  if (!value) {
    const auto& message = value.error().message;
    require(to_one_line(message, message.size()) == message, "a refusal is one visible line");
    require(message.size() < 700, "a refusal is short");
    return;
  }
  require(nlohmann::json::accept(input), "what is accepted is JSON");
  require(is_valid_utf8(input), "what is accepted is UTF-8");
  const auto text = dump_json(*value);
  require(text.find('\n') == std::string::npos, "a value is printed on one line");
  const auto again = parse_json(text);
  require(again.has_value(), "a printed value is accepted");
  require(dump_json(*again) == text, "and is printed as it was");
  JsonReader reader(*value);
  (void)reader.string("a");
  (void)reader.optional_integer("b", -5, 5);
  (void)reader.optional_bool("c");
  (void)reader.optional_strings("d");
  (void)reader.string_map("e");
  (void)reader.optional_object("f");
  (void)reader.finish();
}

}  // namespace
}  // namespace flashpods
