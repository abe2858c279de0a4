#include "client/local_paths.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"

namespace flashpods::client {
namespace {

namespace fs = std::filesystem;

class LocalPathsTest : public testing::Test {
 protected:
  LocalPathsTest() {
    base_ = fs::canonical(directory_.path());
    home_ = base_ / "home";
    project_ = home_ / "project";
    fs::create_directories(project_ / "src");
    fs::create_directories(home_ / ".ssh");
    fs::create_directories(base_ / "elsewhere");
    std::ofstream{project_ / "file"} << "x";
    rules_ = make_path_rules({project_}, project_, home_);
  }

  std::string source_error(std::string_view path, const PathRules& rules) {
    const auto resolved = resolve_source(rules, path);
    return resolved ? "" : resolved.error().code;
  }
  std::string source_error(std::string_view path) { return source_error(path, rules_); }

  TemporaryDirectory directory_;
  fs::path base_;
  fs::path home_;
  fs::path project_;
  PathRules rules_;
};

TEST_F(LocalPathsTest, ResolvesInsideTheRoots) {
  EXPECT_EQ(resolve_source(rules_, "src").value(), project_ / "src");
  EXPECT_EQ(resolve_source(rules_, ".").value(), project_);
  EXPECT_EQ(resolve_source(rules_, "~/project/src/").value(), project_ / "src");
}

TEST_F(LocalPathsTest, SaysWhatIsWrong) {
  EXPECT_EQ(source_error("missing"), "path_not_found");
  EXPECT_EQ(source_error(""), "path_not_found");
  EXPECT_EQ(source_error("file"), "not_a_directory");
  EXPECT_EQ(source_error(std::string_view{"a\0b", 3}), "invalid_path");
}

TEST_F(LocalPathsTest, NothingLeadsOut) {
  fs::create_directory_symlink(base_ / "elsewhere", project_ / "link");
  EXPECT_EQ(source_error("link"), "path_not_allowed");
  EXPECT_EQ(source_error("../.."), "path_not_allowed");
  EXPECT_EQ(source_error((base_ / "elsewhere").string()), "path_not_allowed");
}

TEST_F(LocalPathsTest, HomeAndItsDotDirectoriesAreClosedWhateverTheRoots) {
  const auto rules = make_path_rules({"/"}, home_, home_);
  EXPECT_EQ(source_error("/", rules), "path_not_allowed");
  EXPECT_EQ(source_error("~", rules), "path_not_allowed");
  EXPECT_EQ(source_error("~/.ssh", rules), "path_not_allowed");
  EXPECT_EQ(source_error(base_.string(), rules), "path_not_allowed");  // it holds HOME
  EXPECT_EQ(source_error("~/project", rules), "");
}

TEST_F(LocalPathsTest, TargetsDefaultToTheJobsDirectory) {
  EXPECT_EQ(resolve_target(rules_, "", "job_1", "app").value(), project_ / ".flashpods/job_1/app");
  EXPECT_EQ(resolve_target(rules_, "out/", "job_1", "app").value(), project_ / "out/app");
  EXPECT_EQ(resolve_target(rules_, "src", "job_1", "app").value(), project_ / "src/app");
  EXPECT_EQ(resolve_target(rules_, "new/name", "job_1", "app").value(), project_ / "new/name");
}

TEST_F(LocalPathsTest, TargetsStayInside) {
  fs::create_directory_symlink(base_ / "elsewhere", project_ / "link");
  fs::create_directory_symlink(base_ / "nowhere", project_ / "dangling");
  for (const auto* path : {"link/x", "../x", "/etc/x", "~/.bashrc/x", "~/x", "dangling/x"}) {
    EXPECT_FALSE(resolve_target(rules_, path, "job_1", "app")) << path;
  }
  for (const auto* name : {"", ".", "..", "a/b", "a\\b"}) {
    EXPECT_FALSE(resolve_target(rules_, "", "job_1", name)) << name;
  }
  EXPECT_FALSE(resolve_target(rules_, "", "../job", "app"));
  EXPECT_FALSE(resolve_target(rules_, "nope/..", "job_1", "app"));
}

TEST_F(LocalPathsTest, NoTargetIsWhatProgramsObey) {
  fs::create_directories(project_ / ".git");
  fs::create_directory_symlink(project_ / ".git", project_ / "innocent");
  for (const auto* path :
       {".git/config", ".GIT/hooks/pre-commit", "src/.vscode/tasks.json", ".mcp.json", ".claude/",
        "src/CLAUDE.md", "innocent/config", "new/.git/config", ".flashpods/../.envrc"}) {
    const auto target = resolve_target(rules_, path, "job_1", "app");
    EXPECT_EQ(target ? "" : target.error().code, "path_not_allowed") << path;
  }
  for (const auto* name : {".envrc", "AGENTS.md"}) {
    EXPECT_FALSE(resolve_target(rules_, "", "job_1", name)) << name;
    EXPECT_FALSE(resolve_target(rules_, "src/", "job_1", name)) << name;
    EXPECT_TRUE(resolve_target(rules_, "src/agents.txt", "job_1", name)) << name;
  }
}

TEST_F(LocalPathsTest, ARootMayHaveADot) {
  const auto root = project_ / ".claude/worktrees/one";
  fs::create_directories(root);
  const auto rules = make_path_rules({project_, root}, root, home_);
  EXPECT_TRUE(resolve_target(rules, "app", "job_1", "app"));
  EXPECT_FALSE(resolve_target(rules, ".git/config", "job_1", "app"));
  EXPECT_FALSE(resolve_target(rules, "../app", "job_1", "app"));
}

}  // namespace
}  // namespace flashpods::client
