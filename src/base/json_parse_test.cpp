#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

#include "base/json_reader.h"
#include "base/text.h"

namespace flashpods {
namespace {

using nlohmann::json;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

void expect_refused(std::string_view text, std::string_view why) {
  const auto value = parse_json(text);
  ASSERT_FALSE(value) << text.substr(0, 100);
  EXPECT_EQ(value.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(value.error().code, "invalid_json");
  EXPECT_TRUE(value.error().message.find(why) != std::string::npos) << value.error().message;
}

TEST(ParseJson, ReadsEveryKindOfValue) {
  const std::string_view text =
      R"({"a":[1,-2,2.5,"x",true,false,null,{"b":[[]]},{}],"c":{"a":18446744073709551615}})";
  const auto value = parse_json(text);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(dump_json(*value), text);
}

TEST(ParseJson, SaysWhereTheSyntaxIsWrong) {
  expect_refused("", "byte");
  expect_refused("{\"a\": 1,}", "byte 9:");
  expect_refused("[1] [2]", "byte 5:");
  expect_refused("\"\xff\"", "byte");
  expect_refused("nul", "byte");
  expect_refused("[NaN]", "byte");
  expect_refused("// comment\n1", "byte");
}

TEST(ParseJson, GoesOnAfterANulByte) {
  using namespace std::string_view_literals;
  expect_refused("true\0 and what nobody reads"sv, "byte 5: a NUL byte");
  expect_refused("\0"sv, "byte 1: a NUL byte");
  expect_refused("[\"\0\"]"sv, "byte 3: a NUL byte");
}

TEST(ParseJson, RefusesDepth) {
  EXPECT_TRUE(parse_json(nested(64)));
  expect_refused(nested(65), "deeper than 64");
  expect_refused(std::string(1'000'000, '['), "deeper than 64");
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += R"({"a":)";
  expect_refused(objects, "deeper than 64");
}

TEST(ParseJson, RefusesAMemberNamedTwice) {
  expect_refused(R"({"a":1,"a":2})", "'a' is there twice");
  expect_refused(R"([{"x":{"a":null,"b":[],"a":{}}}])", "'a' is there twice");
  expect_refused(R"({"a":1,"\u0061":2})", "twice");
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":{"a":2}}])"));
}

TEST(ParseJson, RefusesNumbersBeyondDoubles) {
  expect_refused("1e999", "byte");
  expect_refused("[-1e99999999999999999999]", "byte");
  EXPECT_TRUE(parse_json("1e-99999"));
  EXPECT_TRUE(parse_json("123456789012345678901234567890"));
}

TEST(DumpJson, InvalidUtf8IsReplaced) {
  EXPECT_EQ(dump_json(json("a\xff")), "\"a�\"");
  EXPECT_EQ(dump_json(json{{"a", 1}}, 2), "{\n  \"a\": 1\n}");
}

RC_GTEST_PROP(ParseJsonLaws, AnyTextIsReadOrRefused, ()) {
  const auto piece = rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::element<std::string>("{", "}", "[", "]", "\"a\"", ":", ",", "1", "-", "e9", "null",
                                    "\"\\u", "\\ud800", "true", "\xff"));
  std::string text;
  for (const std::string& p : *rc::gen::container<std::vector<std::string>>(piece)) text += p;
  const auto value = parse_json(text);
  RC_ASSERT((value || is_valid_utf8(
                          value.error().message)));  // two pairs: RC_ASSERT's own || evaluates both
}

RC_GTEST_PROP(ParseJsonLaws, StringsSurvive, (const std::map<std::string, std::string>& map)) {
  json value = json::object();
  for (const auto& [name, text] : map) value[to_valid_utf8(name)] = to_valid_utf8(text);
  const auto again = parse_json(dump_json(value));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == value);
}

}  // namespace
}  // namespace flashpods
