#include "base/terminal_colour.h"

#include <gtest/gtest.h>

namespace flashpods {
namespace {

/// The style after a sequence that must pass as a whole.
TerminalStyle after(std::string_view sequence, TerminalStyle style = {}) {
  EXPECT_EQ(style.accept(sequence), sequence.size()) << sequence.substr(1);
  return style;
}

bool passes(std::string_view sequence, TerminalStyle style = {}) {
  return style.accept(sequence) > 0;
}

TEST(TerminalStyle, TakesWhatProgramsUse) {
  for (const auto* sequence :
       {"\x1b[m", "\x1b[0m", "\x1b[1m", "\x1b[01;31m", "\x1b[;32m", "\x1b[2m", "\x1b[3;4m",
        "\x1b[7m", "\x1b[22;23;24;27m", "\x1b[30m", "\x1b[37;41m", "\x1b[97;100m", "\x1b[39;49m",
        "\x1b[38;5;208m", "\x1b[48;5;17m", "\x1b[38;2;255;128;0m", "\x1b[1;38;5;9;48;5;0m"}) {
    EXPECT_TRUE(passes(sequence)) << sequence + 1;
  }
}

TEST(TerminalStyle, TakesNothingThatMayHideText) {
  for (const auto* sequence :
       {"\x1b[8m",   "\x1b[0;8m",       "\x1b[1;8;31m",   "\x1b[08m",       "\x1b[5m",
        "\x1b[6m",   "\x1b[9m",         "\x1b[10m",       "\x1b[28m",       "\x1b[58;5;1m",
        "\x1b[38m",  "\x1b[38;5m",      "\x1b[38;5;256m", "\x1b[38;2;1;2m", "\x1b[38;8;1m",
        "\x1b[4:3m", "\x1b[?1m",        "\x1b[31",        "\x1b[31;m8",     "x",
        "\x1b[2J",   "\x1b[4294967304m"}) {
    TerminalStyle style;
    const auto taken = style.accept(sequence);
    EXPECT_TRUE(taken == 0 || sequence == std::string_view("\x1b[31;m8")) << sequence + 1;
  }
  TerminalStyle style;
  EXPECT_EQ(style.accept("\x1b[31;m8"), 6U);
  EXPECT_TRUE(style.is_plain()) << "an empty parameter is 0";
}

TEST(TerminalStyle, ForegroundAndBackgroundMustDiffer) {
  EXPECT_FALSE(passes("\x1b[31;41m"));
  EXPECT_FALSE(passes("\x1b[41m", after("\x1b[31m")));
  EXPECT_FALSE(passes("\x1b[31m", after("\x1b[41m")));
  EXPECT_FALSE(passes("\x1b[48;5;1m", after("\x1b[31m")));
  EXPECT_FALSE(passes("\x1b[38;2;1;1;1m", after("\x1b[40m")));
  EXPECT_FALSE(passes("\x1b[48;5;231m", after("\x1b[38;2;250;250;255m")));
  EXPECT_TRUE(passes("\x1b[32m", after("\x1b[41m")));
  EXPECT_TRUE(passes("\x1b[41m", after("\x1b[39m", after("\x1b[31m"))));
}

TEST(TerminalStyle, WhatIsRefusedChangesNothing) {
  auto style = after("\x1b[31m");
  EXPECT_EQ(style.accept("\x1b[1;8m"), 0U);
  EXPECT_EQ(style, after("\x1b[31m"));
}

TEST(TerminalStyle, CanBeMadeAgain) {
  for (const auto* sequence :
       {"", "\x1b[1;2;3;4;7m", "\x1b[1;31;44m", "\x1b[38;5;208;48;2;1;2;3m"}) {
    const auto style = *sequence == '\0' ? TerminalStyle{} : after(sequence);
    EXPECT_EQ(style.sequence(), sequence);
  }
  EXPECT_TRUE(after("\x1b[m", after("\x1b[1;31m")).is_plain());
}

}  // namespace
}  // namespace flashpods
