#include "client/obeyed_names.h"

#include <gtest/gtest.h>

namespace flashpods::client {
namespace {

TEST(ObeyedNames, AreThoseWithADot) {
  for (const auto* name : {".git", ".envrc", ".vscode", ".mcp.json", ".github", ".x", "git~1"}) {
    EXPECT_TRUE(is_obeyed_directory(name)) << name;
    EXPECT_TRUE(is_obeyed_file(name)) << name;
  }
  for (const auto* name : {".flashpods", "git", "a.git", "src", "", "\xff"}) {
    EXPECT_FALSE(is_obeyed_directory(name)) << name;
  }
}

TEST(ObeyedNames, AreAFewOthersOfFiles) {
  for (const auto* name :
       {"CLAUDE.md", "claude.MD", "AGENTS.md", "HEAD", "lefthook.yml", "lefthook-local.toml",
        "rust-toolchain.toml", "mise.toml", "opencode.jsonc", "SKILL.md"}) {
    EXPECT_TRUE(is_obeyed_file(name)) << name;
    EXPECT_FALSE(is_obeyed_directory(name)) << name;
  }
  for (const auto* name : {"README.md", "report.tar.gz", "headers", "config"}) {
    EXPECT_FALSE(is_obeyed_file(name)) << name;
  }
}

TEST(ObeyedNames, AreKnownHoweverMacosSpellsThem) {
  EXPECT_TRUE(is_obeyed_file("\u200c.git"));
  EXPECT_TRUE(is_obeyed_file("\ufeffAGENTS.md"));
  EXPECT_TRUE(is_obeyed_file("AGENT\u017f.md"));
  EXPECT_TRUE(is_obeyed_file("lefthoo\u212a.yml"));
  EXPECT_TRUE(is_obeyed_file("CLAU\u200dDE.md"));
}

}  // namespace
}  // namespace flashpods::client
