#include "cli/terminal_filter.h"

#include <gtest/gtest.h>

namespace flashpods::cli {
namespace {

std::string through(TerminalFilter filter, std::initializer_list<std::string_view> pieces) {
  std::string shown;
  for (const auto piece : pieces) shown += filter.feed(piece);
  return shown + filter.finish();
}

const TerminalFilter kColour{true};
const TerminalFilter kPlain{false};

TEST(TerminalFilter, ColoursPassAndOtherControlsAreShown) {
  EXPECT_EQ(through(kColour, {"\x1b[31mred\x1b[0m"}), "\x1b[31mred\x1b[0m");
  EXPECT_EQ(through(kColour, {"\x1b[2Jgone\x07"}), "\\x1b[2Jgone\\x07");
  EXPECT_EQ(through(kColour, {"\x1b]0;title\x07"}), "\\x1b]0;title\\x07");
}

TEST(TerminalFilter, NothingHidesText) {
  EXPECT_EQ(through(kColour, {"\x1b[8msecret"}), "\\x1b[8msecret");
  EXPECT_EQ(through(kColour, {"\x1b[31m", "\x1b[41msecret"}),
            "\x1b[31m\x1b[0m\x1b[31m\\x1b[41msecret\x1b[0m");
  EXPECT_EQ(through(kPlain, {"\x1b[8msecret"}), "\\x1b[8msecret");
}

TEST(TerminalFilter, EachPieceLeavesTheTerminalPlain) {
  TerminalFilter filter{true};
  EXPECT_EQ(filter.feed("\x1b[1;31mred"), "\x1b[1;31mred\x1b[0m");
  EXPECT_EQ(filter.feed(" and red"), "\x1b[1;31m and red\x1b[0m");
  EXPECT_EQ(filter.feed("\x1b[mplain"), "\x1b[1;31m\x1b[mplain");
  EXPECT_EQ(filter.feed("plain"), "plain");
  EXPECT_EQ(filter.finish(), "");
}

TEST(TerminalFilter, WithoutColourTheSequencesGo) {
  EXPECT_EQ(through(kPlain, {"\x1b[1;31mred\x1b[0m \x1b[2J"}), "red \\x1b[2J");
}

TEST(TerminalFilter, WhatAPieceCutsInTwoComesOutWhole) {
  EXPECT_EQ(through(kColour, {"\x1b", "[3", "1mred"}), "\x1b[31mred\x1b[0m");
  EXPECT_EQ(through(kColour, {"caf\xC3", "\xA9"}), "café");
  EXPECT_EQ(through(kColour, {"\xF0\x9F", "\x98\x80"}), "😀");
  EXPECT_EQ(through(kColour, {"a\r", "\nb"}), "a\nb");
}

TEST(TerminalFilter, ATooLongColourIsShownHoweverItIsCut) {
  const std::string just_right = "\x1b[" + std::string(29, '0') + "m";
  EXPECT_EQ(through(kColour, {just_right}), just_right);
  EXPECT_EQ(through(kColour, {just_right.substr(0, 31), just_right.substr(31)}), just_right);
  const std::string too_long = "\x1b[" + std::string(30, '0') + "m";
  EXPECT_EQ(through(kColour, {too_long}), "\\x1b[" + std::string(30, '0') + "m");
  EXPECT_EQ(through(kColour, {too_long.substr(0, 32), too_long.substr(32)}),
            through(kColour, {too_long}));
}

TEST(TerminalFilter, CarriageReturnsEndLines) {
  EXPECT_EQ(through(kColour, {"10%\r20%\r\ndone"}), "10%\n20%\ndone");
}

TEST(TerminalFilter, HoldsNothingBackForEver) {
  TerminalFilter filter{true};
  EXPECT_EQ(filter.feed("\x1b[3"), "");
  EXPECT_EQ(filter.finish(), "\\x1b[3");
  const std::string endless = "\x1b[" + std::string(1000, '1');
  EXPECT_FALSE(filter.feed(endless).empty());
}

}  // namespace
}  // namespace flashpods::cli
