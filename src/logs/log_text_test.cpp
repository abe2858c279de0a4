#include "logs/log_text.h"

#include <gtest/gtest.h>

#include "logs/log_test_support.h"

namespace flashpods::logs {
namespace {

TEST(CountLines, CountsALastLineWithoutNewline) {
  EXPECT_EQ(count_lines(""), 0);
  EXPECT_EQ(count_lines("\n"), 1);
  EXPECT_EQ(count_lines("a"), 1);
  EXPECT_EQ(count_lines("a\n"), 1);
  EXPECT_EQ(count_lines("a\nb"), 2);
  EXPECT_EQ(count_lines("\n\n"), 2);
}

TEST(IncompleteTail, FindsABegunCharacter) {
  EXPECT_EQ(incomplete_tail(""), 0);
  EXPECT_EQ(incomplete_tail("abc"), 0);
  EXPECT_EQ(incomplete_tail("\xC3"), 1);
  EXPECT_EQ(incomplete_tail("a\xE2\x82"), 2);
  EXPECT_EQ(incomplete_tail("a\xF0\x9F\x98"), 3);
  EXPECT_EQ(incomplete_tail("\xF0\x9F\x98\x80"), 0) << "whole";
}

TEST(IncompleteTail, DoesNotWaitForWhatCannotBecomeValid) {
  EXPECT_EQ(incomplete_tail("\xFF"), 0);
  EXPECT_EQ(incomplete_tail("\xC0"), 0);
  EXPECT_EQ(incomplete_tail("\xE0\x80"), 0) << "overlong";
  EXPECT_EQ(incomplete_tail("\xED\xA0"), 0) << "surrogate";
  EXPECT_EQ(incomplete_tail("\x80\x80\x80"), 0);
  EXPECT_EQ(incomplete_tail("\xC3\xA9\x80"), 0);
}

TEST(IncompleteHead, FindsTheRestOfACharacter) {
  EXPECT_EQ(incomplete_head("abc"), 0);
  EXPECT_EQ(incomplete_head("\x82\xAC!"), 2);
  EXPECT_EQ(incomplete_head("\x80\x80\x80\x80"), 3);
}

TEST(WithTimestamps, GivesEachLineTheTimeOfItsFirstByte) {
  const std::vector<Piece> pieces{{.length = 5, .time = at_ms(0)},
                                  {.length = 5, .time = at_ms(1500)}};
  EXPECT_EQ(with_timestamps("a\nb\nccc\nd\n", pieces, true),
            "1970-01-01T00:00:00.000Z a\n"
            "1970-01-01T00:00:00.000Z b\n"
            "1970-01-01T00:00:00.000Z ccc\n"
            "1970-01-01T00:00:01.500Z d\n");
}

TEST(WithTimestamps, LeavesTheRestOfALineAlone) {
  EXPECT_EQ(with_timestamps("rest\nx", {{.length = 6}}, false), "rest\n- x");
}

}  // namespace
}  // namespace flashpods::logs
