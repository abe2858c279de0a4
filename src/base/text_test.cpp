#include "base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace flashpods {
namespace {

using namespace std::string_literals;

/// Pieces that mean something to a terminal or a decoder, in any order.
rc::Gen<std::string> hostile_text() {
  const auto piece = rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::element("\x1b[31m"s, "\x1b]0;title\a"s, "\x1b"s, "\x1b["s, "\x1bP"s, "\r"s, "\n"s,
                       "\xc2\x9b"s, "\xe2\x80\xae"s, "\xe2"s, "\xf4\x90\x80\x80"s, "\xed\xa0\x80"s,
                       "é"s, "\0"s, "\x1b\\"s, "\xf3\xa0\x81\x81"s));
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const std::string& p : pieces) text += p;
                        return text;
                      });
}

bool has_control(std::string_view text, std::string_view allowed) {
  for (const char c : text) {
    const bool control = (c >= 0 && c < 0x20) || c == 0x7f;
    if (control && allowed.find(c) == std::string_view::npos) return true;
  }
  return text.find("\xe2\x80\xae") != std::string_view::npos;
}

TEST(Utf8, ReplacesMaximalSubparts) {
  // Unicode 15, table 3-8.
  EXPECT_EQ(to_valid_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), "��������A");
  EXPECT_EQ(to_valid_utf8("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), "��������A");
  EXPECT_EQ(to_valid_utf8("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), "�����A��B");
  EXPECT_EQ(to_valid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), "����A");
}

TEST(Utf8, KeepsWhatIsValid) {
  for (const std::string& text :
       {""s, "a"s, "\0"s, "é€😀"s, "\xf4\x8f\xbf\xbf"s, "\xed\x9f\xbf"s}) {
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(to_valid_utf8(text), text);
  }
}

RC_GTEST_PROP(Utf8Laws, TheResultIsValidAndStable, ()) {
  const std::string text = to_valid_utf8(*hostile_text());
  RC_ASSERT(is_valid_utf8(text));
  RC_ASSERT(to_valid_utf8(text) == text);
}

RC_GTEST_PROP(Utf8Laws, ValidTextIsUntouched, ()) {
  const std::string text = *hostile_text();
  RC_ASSERT(is_valid_utf8(text) == (to_valid_utf8(text) == text));
}

TEST(TerminalText, ShowsWhatWouldSteerTheTerminal) {
  EXPECT_EQ(to_terminal_text("a\x1b[2Jb\x07\x7f"), "a\\x1b[2Jb\\x07\\x7f");
  EXPECT_EQ(to_terminal_text("user\xe2\x80\xaetxt.exe"), "user\\u202etxt.exe");
  EXPECT_EQ(to_terminal_text("\xc2\x9b"), "\\u009b");
  EXPECT_EQ(to_terminal_text("\xf3\xa0\x81\x81"), "\\U000e0041");
  EXPECT_EQ(to_terminal_text("a\tb\nc\r\nd\re"), "a\tb\nc\nd\\re");
  EXPECT_EQ(to_terminal_text("\xff"), "�");
}

TEST(TerminalText, KeepsColourOnlyIfAsked) {
  EXPECT_EQ(to_terminal_text("\x1b[1;31mred\x1b[m"), "\\x1b[1;31mred\\x1b[m");
  EXPECT_EQ(to_terminal_text("\x1b[1;31mred\x1b[m", true), "\x1b[1;31mred\x1b[m");
  EXPECT_EQ(to_terminal_text("\x1b[2J\x1b[?1m\x1b[3", true), "\\x1b[2J\\x1b[?1m\\x1b[3");
}

RC_GTEST_PROP(TerminalTextLaws, NothingUnsafeIsLeft, ()) {
  const std::string text = to_terminal_text(*hostile_text());
  RC_ASSERT(is_valid_utf8(text));
  RC_ASSERT(!has_control(text, "\n\t"));
  RC_ASSERT(to_terminal_text(text) == text);
}

TEST(OneLine, ShowsNewlinesAndCuts) {
  EXPECT_EQ(to_one_line("a\nb\r\n"), "a\\nb\\r\\n");
  EXPECT_EQ(to_one_line("abcdef", 3), "abc…");
  EXPECT_EQ(to_one_line("abc", 3), "abc");
  EXPECT_EQ(to_one_line("aéb", 2), "a…");
  EXPECT_EQ(to_one_line("abc", 0), "…");
}

RC_GTEST_PROP(OneLineLaws, ItIsOneLineWithinItsLimit, ()) {
  const auto limit = *rc::gen::inRange<std::size_t>(0, 20);
  const std::string line = to_one_line(*hostile_text(), limit);
  RC_ASSERT(is_valid_utf8(line));
  RC_ASSERT(!has_control(line, "\t"));
  RC_ASSERT(line.size() <= limit + std::string_view{"…"}.size());
}

TEST(PlainText, DropsAnsiSequences) {
  EXPECT_EQ(to_plain_text("\x1b[1;31mred\x1b[0m \x1b]0;title\atext\x1b(B"), "red text");
  EXPECT_EQ(to_plain_text("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b"), "alinkb");
  EXPECT_EQ(to_plain_text("a\xc2\x9b"
                          "31mb\xc2\x9d"
                          "0;t\xc2\x9c"
                          "c"),
            "abc");
}

TEST(PlainText, AnOpenSequenceHidesNothing) {
  EXPECT_EQ(to_plain_text("\x1b]0;never ended\nnext"), "\\x1b]0;never ended\nnext");
  EXPECT_EQ(to_plain_text("\x1b[31"), "\\x1b[31");
  EXPECT_EQ(to_plain_text("\x1b"), "\\x1b");
}

TEST(PlainText, KeepsTheLastStateOfARewrittenLine) {
  EXPECT_EQ(to_plain_text("10%\r50%\r100%\ndone\r\n"), "100%\ndone\n");
  EXPECT_EQ(to_plain_text("first\n50%\r\x1b[K100%\r"), "first\n100%");
}

TEST(PlainText, LooksForTheEndOfASequenceOnce) {
  std::string text;
  for (int i = 0; i < 500'000; ++i) text += "\x1b]";
  EXPECT_EQ(to_plain_text(text).size(), std::size_t{500'000} * 5);
}

RC_GTEST_PROP(PlainTextLaws, NothingUnsafeIsLeft, ()) {
  const std::string text = to_plain_text(*hostile_text());
  RC_ASSERT(is_valid_utf8(text));
  RC_ASSERT(!has_control(text, "\n\t"));
  RC_ASSERT(to_plain_text(text) == text);
}

TEST(HumanSize, UsesDecimalUnits) {
  EXPECT_EQ(to_human_size(0), "0 B");
  EXPECT_EQ(to_human_size(999), "999 B");
  EXPECT_EQ(to_human_size(1000), "1.0 kB");
  EXPECT_EQ(to_human_size(4'204'224), "4.2 MB");
  EXPECT_EQ(to_human_size(52'428'800), "52 MB");
  EXPECT_EQ(to_human_size(999'960), "1.0 MB");
  EXPECT_EQ(to_human_size(UINTMAX_MAX), "18 EB");
}

RC_GTEST_PROP(EqualInConstantTimeLaws, AgreesWithEquality,
              (const std::string& one, const std::string& other)) {
  RC_ASSERT(equal_in_constant_time(one, one));
  RC_ASSERT(equal_in_constant_time(one, other) == (one == other));
}

TEST(EqualInConstantTime, LengthCounts) {
  EXPECT_FALSE(equal_in_constant_time("secret", ""));
  EXPECT_FALSE(equal_in_constant_time("", "guess"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secrets"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
}

}  // namespace
}  // namespace flashpods
