#include "cli/table.h"

#include <gtest/gtest.h>

namespace flashpods::cli {
namespace {

TEST(Table, AlignsColumnsAndPadsNoLineEnd) {
  Table table{{"JOB", "STATUS"}};
  table.add({"job_a", "running"});
  table.add({"job_long", "failed"});
  EXPECT_EQ(table.render(false),
            "JOB       STATUS\n"
            "job_a     running\n"
            "job_long  failed\n");
}

TEST(Table, AnEmptyLastCellLeavesNoBlanks) {
  Table table{{"A", "B"}};
  table.add({"one", ""});
  EXPECT_EQ(table.render(false), "A    B\none\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table;
  table.add({"é…", "x"});
  table.add({"abcd", "y"});
  EXPECT_EQ(table.render(false), "é…    x\nabcd  y\n");
}

TEST(Table, ColourDoesNotDisturbTheColumns) {
  Table table;
  table.add({Cell{"ok", Style::kGood}, "x"});
  table.add({"longer", "y"});
  EXPECT_EQ(table.render(true), "\x1b[32mok\x1b[0m      x\nlonger  y\n");
}

TEST(Table, WhatComesFromOutsideCannotSteerTheTerminal) {
  Table table;
  table.add({"a\x1b[2Jb\nc", "d"});
  const auto text = table.render(true);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(Table, NothingToShowIsNoHeadingEither) { EXPECT_EQ(Table{{"A"}}.render(false), ""); }

}  // namespace
}  // namespace flashpods::cli
