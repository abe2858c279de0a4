#include "executors/shim/conmon_stage.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::shim {
namespace {

TEST(ConmonStage, AddsTheEnvironmentToTheBundle) {
  const auto changed = changed_bundle(
      R"({"ociVersion": "1.0", "process": {"args": ["x"], "env": ["PATH=/bin", "A=old", "odd"]}})",
      {{{"A", "new=1\n"}, {"B", ""}}, "/shim"});
  ASSERT_TRUE(changed);
  const auto config = nlohmann::json::parse(*changed);
  EXPECT_EQ(config["process"]["env"], nlohmann::json::array({"A=new=1\n", "B=", "PATH=/bin"}));
  EXPECT_EQ(config["process"]["args"], nlohmann::json::array({"x"}));
  EXPECT_EQ(config["ociVersion"], "1.0");
  EXPECT_EQ(config["hooks"]["createRuntime"][0]["path"], "/shim");
  EXPECT_FALSE(config["linux"].contains("seccomp")) << "none is made up";
}

TEST(ConmonStage, HardensTheBundle) {
  const auto changed = changed_bundle(
      R"({"process": {}, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
          {"names": ["read", "keyctl"], "action": "SCMP_ACT_ALLOW"}]}}})",
      {{}, "/shim", true, 100});
  ASSERT_TRUE(changed);
  const auto config = nlohmann::json::parse(*changed);
  EXPECT_TRUE(config["process"].contains("oomScoreAdj"));
  EXPECT_EQ(config["process"]["rlimits"][0]["hard"], 100);
  EXPECT_FALSE(config["linux"]["maskedPaths"].empty());
  EXPECT_EQ(config["linux"]["seccomp"]["syscalls"][0]["names"], nlohmann::json::array({"read"}));
  EXPECT_EQ(config["hooks"]["createRuntime"][0]["args"][1], "--close-networks");
}

TEST(ConmonStage, ABundleWithoutAProcessIsRefused) {
  for (const char* text : {"", "{}", "[]", "{\"process\": 1}", "{\"process\": null}"}) {
    EXPECT_FALSE(changed_bundle(text, {})) << text;
  }
}

TEST(ConmonStage, NoExitCommandIsLeft) {
  std::vector<std::string> words{"conmon",
                                 "-c",
                                 "id",
                                 "--exit-command",
                                 "/usr/bin/podman",
                                 "-l",
                                 "none",
                                 "--exit-command-arg",
                                 "--root",
                                 "--exit-command-arg",
                                 "/x",
                                 "-s"};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  const auto left = without_exit_command(arguments);
  EXPECT_EQ(std::vector<std::string>(left.begin(), left.end()),
            (std::vector<std::string>{"conmon", "-c", "id", "-l", "none", "-s"}));
}

}  // namespace
}  // namespace flashpods::shim
