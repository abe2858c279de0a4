// What `--help` says of each verb, compared with testdata/help/VERB.txt.
// FLASHPODS_TEST_ACCEPT=1 writes the files anew.

#include "cli/help.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/files.h"
#include "cli/shell_completion.h"
#include "cli/verb_table.h"

namespace flashpods::cli {
namespace {

constexpr std::size_t kLongestLine = 100;

std::filesystem::path golden_file(const std::string& name) {
  return std::filesystem::path{FLASHPODS_CLI_TESTDATA} / "help" / (name + ".txt");
}

void expect_golden(const std::string& name, const std::string& actual) {
  if (std::getenv("FLASHPODS_TEST_ACCEPT") != nullptr) {
    ASSERT_TRUE(write_file_durably(golden_file(name), actual, 0644));
    GTEST_SKIP() << "accepted " << golden_file(name);
  }
  const auto expected = read_file(golden_file(name), 1024 * 1024);
  ASSERT_TRUE(expected) << expected.error().message;
  EXPECT_EQ(actual, *expected) << "FLASHPODS_TEST_ACCEPT=1 takes the new text";
}

class Help : public testing::TestWithParam<const VerbEntry*> {};

TEST_P(Help, IsAsAccepted) {
  const auto& entry = *GetParam();
  expect_golden(std::string{entry.name}, verb_help(entry, entry.make()->parameters()));
}

TEST_P(Help, FitsATerminal) {
  const auto& entry = *GetParam();
  auto text = verb_help(entry, entry.make()->parameters());
  for (std::size_t start = 0; start < text.size();) {
    const auto end = text.find('\n', start);
    EXPECT_LE(end - start, kLongestLine + 8) << text.substr(start, end - start);
    start = end + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Verbs, Help, testing::ValuesIn(all_verbs().begin(), all_verbs().end()),
                         [](const auto& verb) { return std::string{verb.param->name}; });

TEST(Overview, IsAsAccepted) { expect_golden("overview", overview_help(all_verbs())); }

TEST(VerbTable, FindsAndSuggests) {
  ASSERT_NE(find_verb("run"), nullptr);
  EXPECT_EQ(find_verb("run")->name, "run");
  EXPECT_EQ(find_verb("nonsense"), nullptr);
  ASSERT_NE(nearest_verb("stauts"), nullptr);
  EXPECT_EQ(nearest_verb("stauts")->name, "status");
  EXPECT_EQ(nearest_verb("frobnicate"), nullptr);
}

TEST(Wrap, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(wrap("aa bb cc", 7, 2), "aa bb\n  cc");
  EXPECT_EQ(wrap("averyverylongword b", 6, 2), "averyverylongword\n  b");
  EXPECT_EQ(wrap("", 10, 0), "");
}

TEST(Completion, EveryShellKnowsEveryVerb) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell, all_verbs());
    for (const auto* verb : all_verbs()) {
      EXPECT_NE(script.find(verb->name), std::string::npos) << shell << " " << verb->name;
    }
  }
  EXPECT_EQ(
      std::system(("bash -n <<'EOF'\n" + completion_script("bash", all_verbs()) + "EOF\n").c_str()),
      0);
}

}  // namespace
}  // namespace flashpods::cli
