#include "client/upload_plan.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"
#include "client/exclude_rules.h"
#include "client/reply_error.h"
#include "client/run_coroutine.h"
#include "process/fake_command_runner.h"

namespace flashpods::client {
namespace {

bool excludes(const std::string& pattern, std::string_view path, bool is_directory = false) {
  return ExcludeRules{{pattern}, {}}.excludes(path, is_directory);
}

TEST(ExcludeRules, FollowRsyncsSimplePatterns) {
  EXPECT_TRUE(excludes("target", "target", true));
  EXPECT_TRUE(excludes("target", "a/b/target", true));
  EXPECT_FALSE(excludes("target", "targets"));
  EXPECT_TRUE(excludes("*.o", "a/x.o"));
  EXPECT_FALSE(excludes("*.o", "a/x.oo"));
  EXPECT_TRUE(excludes("/build", "build"));
  EXPECT_FALSE(excludes("/build", "a/build"));
  EXPECT_TRUE(excludes("a/build", "x/a/build"));
  EXPECT_FALSE(excludes("a/build", "xa/build"));
  EXPECT_TRUE(excludes("cache/", "cache", true));
  EXPECT_FALSE(excludes("cache/", "cache", false));
  EXPECT_FALSE(excludes("/a/*.o", "a/b/x.o"));
  EXPECT_TRUE(excludes("/a/**.o", "a/b/x.o"));
  EXPECT_FALSE(excludes("!", "!"));
  EXPECT_FALSE(excludes("", "x"));
}

TEST(ExcludeRules, MatchGitsPathsLiterally) {
  const ExcludeRules rules{{}, {"build/", "a/[x].txt"}};
  EXPECT_TRUE(rules.excludes("build", true));
  EXPECT_FALSE(rules.excludes("build", false));
  EXPECT_FALSE(rules.excludes("a/build", true));
  EXPECT_TRUE(rules.excludes("a/[x].txt", false));
  EXPECT_FALSE(rules.excludes("a/x.txt", false));
}

TEST(ExcludeRules, EscapeForRsyncOnlyWhereItUnescapes) {
  EXPECT_EQ(to_anchored_pattern("build/"), "/build/");
  EXPECT_EQ(to_anchored_pattern("a\\b"), "/a\\b");
  EXPECT_EQ(to_anchored_pattern("a*[b]\\"), "/a\\*\\[b]\\\\");
  EXPECT_EQ(to_anchored_pattern("two\nlines"), "");
}

TEST(LooksSecret, KnowsTheUsualNames) {
  for (const auto* path : {".env", "a/.env.local", "key.pem", "x/id_rsa", ".npmrc", ".netrc",
                           ".aws/config", "sub/.ssh/known_hosts", ".docker/config.json"}) {
    EXPECT_TRUE(looks_secret(path)) << path;
  }
  for (const auto* path : {".env.example", "env", "id_rsa.pub", "main.c", "config.json", "pem"}) {
    EXPECT_FALSE(looks_secret(path)) << path;
  }
}

class UploadPlanTest : public testing::Test {
 protected:
  void put(const std::string& path, std::size_t bytes) {
    const auto file = directory_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file} << std::string(bytes, 'x');
  }
  Result<UploadPlan> plan(UploadRequest request) {
    request.directory = directory_.path();
    auto result = run_coroutine(plan_upload(std::move(request), pool_, runner_));
    return result;
  }

  TemporaryDirectory directory_;
  BlockingPool pool_{1};
  FakeCommandRunner runner_;
};

TEST_F(UploadPlanTest, SumsWhatWouldBeSent) {
  put("src/main.c", 100);
  put("target/big", 100'000);
  put(".git/objects/pack", 5'000);
  put(".env", 7);
  put(".flashpods/job_1/app", 900);
  std::filesystem::create_symlink("/etc/passwd", directory_ / "link");
  const auto result = plan({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->bytes, 107U);
  EXPECT_EQ(result->files, 3U);
  EXPECT_EQ(result->secrets, std::vector<std::string>{".env"});
}

TEST_F(UploadPlanTest, NamesTheLargestDirectoryWhereItsBytesAre) {
  put("data/models/large/weights", 900);
  put("data/readme", 10);
  put("src/a", 80);
  put("top", 60);
  const auto result = plan({});
  ASSERT_TRUE(result);
  ASSERT_GE(result->largest.size(), 3U);
  EXPECT_EQ(result->largest[0].path, "data/models/large/");
  EXPECT_EQ(result->largest[1].path, "src/");
  EXPECT_EQ(result->largest[2].path, "top");
  const auto refused = check_quota(*result, 1000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "upload_too_large");
  EXPECT_NE(quoted_words(refused.error()).find("\"/data/models/large/\""), std::string::npos);
  EXPECT_EQ(refused.error().message.find("models"), std::string::npos);
  EXPECT_TRUE(check_quota(*result, 1050));
}

TEST_F(UploadPlanTest, LeavesOutWhatGitIgnores) {
  put("a.c", 1);
  put("out/a.o", 50);
  put("notes.txt", 20);
  runner_.when("git", 0, std::string{"out/\0notes.txt\0", 15});
  UploadRequest request;
  request.gitignore = true;
  const auto result = plan(request);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->bytes, 1U);
  EXPECT_EQ(result->ignored, (std::vector<std::string>{"/out/", "/notes.txt"}));
  EXPECT_EQ(runner_.commands.at(0).working_directory, directory_.path().string());
}

TEST_F(UploadPlanTest, GitignoreOutsideGitSaysSo) {
  runner_.when("git", 128, "", "fatal: not a git repository");
  UploadRequest request;
  request.gitignore = true;
  const auto result = plan(request);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "not_a_git_tree");
  EXPECT_EQ(quoted_words(result.error()), "fatal: not a git repository");
  EXPECT_EQ(result.error().message.find("fatal"), std::string::npos);
}

}  // namespace
}  // namespace flashpods::client
