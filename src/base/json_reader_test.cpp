#include "base/json_reader.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace flashpods {
namespace {

using nlohmann::json;

json parsed(std::string_view text) { return parse_json(text).value(); }

TEST(JsonReader, ReadsEachKindOfMember) {
  const json value = parsed(R"({"s":"x","b":true,"i":5,"l":["a"],"m":{"k":"v"},"o":{},"n":null})");
  JsonReader reader(value);
  EXPECT_EQ(reader.string("s"), "x");
  EXPECT_EQ(reader.optional_bool("b"), true);
  EXPECT_EQ(reader.optional_integer("i", 1, 5), 5);
  EXPECT_EQ(reader.optional_strings("l"), std::vector<std::string>{"a"});
  EXPECT_EQ(reader.string_map("m"), (std::map<std::string, std::string>{{"k", "v"}}));
  EXPECT_NE(reader.optional_object("o"), nullptr);
  EXPECT_EQ(reader.optional_string("n"), std::nullopt);
  EXPECT_EQ(reader.optional_string("absent"), std::nullopt);
  EXPECT_TRUE(reader.finish());
}

TEST(JsonReader, AsksForWhatIsRequired) {
  const json value = parsed(R"({"image":null})");
  JsonReader reader(value);
  EXPECT_EQ(reader.string("image"), "");
  EXPECT_EQ(reader.finish().error().message, "'image' is required.");
}

TEST(JsonReader, NamesTheUnknownMember) {
  const json value = parsed(R"({"cpu":1})");
  JsonReader reader(value, "limits.");
  EXPECT_EQ(reader.finish().error().code, "unknown_field");
  EXPECT_EQ(reader.finish().error().message, "'limits.cpu' is not a known field.");
}

TEST(JsonReader, AnUnknownNameIsShownSafely) {
  const json value{{"a\x1b[2J\n", 1}};
  EXPECT_EQ(JsonReader(value).finish().error().message, "'a\\x1b[2J\\n' is not a known field.");
}

TEST(JsonReader, ARejectedNameIsShownSafely) {
  const json object{{"env", json::object()}};
  JsonReader reader(object);
  reader.reject("env.A\x1b[31m\xe2\x80\xae" + std::string(5000, 'x'), "is not allowed");
  const auto message = reader.finish().error().message;
  EXPECT_TRUE(message.starts_with("'env.A\\x1b[31m\\u202exxx")) << message;
  EXPECT_LT(message.size(), 300U);
}

TEST(JsonReader, RefusesNumbersThatAreNotWholeOrInRange) {
  for (const char* text : {"1.0", "1e0", "9223372036854775808", "18446744073709551615", "-1", "11",
                           "\"5\"", "true", "[]", "1e300"}) {
    const json value{{"n", parsed(text)}};
    JsonReader reader(value);
    EXPECT_EQ(reader.optional_integer("n", 0, 10), std::nullopt);
    EXPECT_EQ(reader.finish().error().message, "'n' must be a whole number from 0 to 10.") << text;
  }
}

TEST(JsonReader, TakesTheWholeRangeOfInt64) {
  const json value = parsed(R"({"a":9223372036854775807,"b":-9223372036854775808})");
  JsonReader reader(value);
  EXPECT_EQ(reader.optional_integer("a", INT64_MIN, INT64_MAX), INT64_MAX);
  EXPECT_EQ(reader.optional_integer("b", INT64_MIN, INT64_MAX), INT64_MIN);
  EXPECT_TRUE(reader.finish());
}

TEST(JsonReader, NumbersBeyondInt64DoNotWrapAround) {
  const json value = parsed(R"({"n":9223372036854775808})");
  JsonReader reader(value);
  EXPECT_EQ(reader.optional_integer("n", INT64_MIN, INT64_MAX), std::nullopt);
  EXPECT_EQ(reader.finish().error().code, "invalid_field");
}

TEST(JsonReader, RefusesMixedLists) {
  const json value = parsed(R"({"l":["a",1],"m":{"k":null}})");
  JsonReader list(value), map(value);
  EXPECT_FALSE(list.optional_strings("l"));
  EXPECT_EQ(list.finish().error().message, "'l' must be a list of strings.");
  EXPECT_TRUE(map.string_map("m").empty());
  EXPECT_EQ(map.finish().error().message, "'m' must be an object whose values are strings.");
}

TEST(JsonReader, TheFirstErrorSticks) {
  const json value = parsed(R"({"a":1,"b":"text"})");
  JsonReader reader(value);
  EXPECT_EQ(reader.optional_string("a"), std::nullopt);
  EXPECT_EQ(reader.optional_string("b"), std::nullopt);
  reader.reject("b", "is too long.");
  EXPECT_EQ(reader.finish().error().message, "'a' must be a string.");
}

TEST(JsonReader, RefusesWhatIsNoObject) {
  const json list = json::array();
  EXPECT_EQ(JsonReader(list).finish().error().message, "The request body must be a JSON object.");
  EXPECT_EQ(JsonReader(list, "files.").finish().error().message, "'files' must be an object.");
}

/// Values of every kind, nested a little.
rc::Gen<json> any_json(int depth) {
  const auto leaf =
      rc::gen::oneOf(rc::gen::map<std::int64_t>([](std::int64_t v) { return json(v); }),
                     rc::gen::map<std::uint64_t>([](std::uint64_t v) { return json(v); }),
                     rc::gen::map<double>([](double v) { return json(v); }),
                     rc::gen::map<std::string>([](const std::string& v) { return json(v); }),
                     rc::gen::element(json(nullptr), json(true), json::object(), json::array()));
  if (depth == 0) return leaf;
  const auto inner = any_json(depth - 1);
  return rc::gen::oneOf(
      leaf,
      rc::gen::map(rc::gen::container<std::vector<json>>(inner),
                   [](const std::vector<json>& items) { return json(items); }),
      rc::gen::map(rc::gen::container<std::map<std::string, json>>(
                       rc::gen::element<std::string>("a", "b", "c", "\xff"), inner),
                   [](const std::map<std::string, json>& members) { return json(members); }));
}

RC_GTEST_PROP(JsonReaderLaws, NeverThrows, ()) {
  const json value = *any_json(2);
  for (const char* name : {"a", "b"}) {
    for (int kind = 0; kind < 7; ++kind) {
      JsonReader reader(value);
      if (kind == 0) (void)reader.string(name);
      if (kind == 1) (void)reader.optional_string(name);
      if (kind == 2) (void)reader.optional_bool(name);
      if (kind == 3) (void)reader.optional_integer(name, -10, 10);
      if (kind == 4) (void)reader.optional_strings(name);
      if (kind == 5) (void)reader.string_map(name);
      if (kind == 6) (void)reader.optional_object(name);
      (void)reader.finish();
    }
  }
}

}  // namespace
}  // namespace flashpods
