#include "cli/shell_words.h"

#include <cstdio>

#include <gtest/gtest.h>

#include "client/env_file.h"

namespace flashpods::cli {
namespace {

// What /bin/sh makes of the text, so that the rules are the shell's and not ours.
std::string shell_says(const std::string& script) {
  std::string out;
  FILE* pipe = ::popen(script.c_str(), "r");
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    out.append(buffer, n);
  }
  ::pclose(pipe);
  return out;
}

constexpr const char* kNasty[] = {"",     "a b", "it's",  "$HOME `id` $(id)",
                                  "a\nb", "\\",  "\"q\"", "*?[a]",
                                  "~",    "#x",  "-n",    "a;b&c|d"};

TEST(QuoteWord, LeavesPlainWordsReadable) {
  EXPECT_EQ(quote_word("make"), "make");
  EXPECT_EQ(quote_word("--std=c++23"), "--std=c++23");
  EXPECT_EQ(quote_word("it's"), "'it'\\''s'");
}

TEST(QuoteWord, TheShellReadsTheWordBack) {
  for (const char* word : kNasty) {
    EXPECT_EQ(shell_says("printf %s " + quote_word(word)), word);
  }
}

TEST(ToCommandLine, OneWordIsALineOfShell) {
  EXPECT_EQ(to_command_line({"make && ./a.out"}), "make && ./a.out");
}

TEST(ToCommandLine, SeveralWordsStayTheseWords) {
  EXPECT_EQ(to_command_line({"make", "-j4"}), "make -j4");
  EXPECT_EQ(shell_says(to_command_line({"printf", "[%s]", "a b", "$HOME"})), "[a b][$HOME]");
}

TEST(ToExports, TheShellAndOurOwnReaderAgree) {
  for (const char* value : {"plain", "it's", "a b", "$(id)"}) {
    const auto text = to_exports({{"RSYNC_PASSWORD", value}});
    EXPECT_EQ(shell_says(text + "printf %s \"$RSYNC_PASSWORD\""), value);
    EXPECT_EQ(client::parse_env_file(text).at("RSYNC_PASSWORD"), value);
  }
}

}  // namespace
}  // namespace flashpods::cli
