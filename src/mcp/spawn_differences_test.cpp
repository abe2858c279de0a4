#include "mcp/spawn_differences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::mcp {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

SpawnRequest worker(json arguments, std::optional<client::UploadRequest> upload = {}) {
  arguments["type"] = "worker";
  return {"key", std::make_shared<const json>(std::move(arguments)), std::move(upload)};
}

TEST(SpawnDifferences, AreNamed) {
  const auto first = worker({{"command", "make"}, {"network", "none"}, {"env", {{"A", "1"}}}});
  const auto second = worker({{"command", "make test"}, {"name", "tests"}});
  EXPECT_THAT(differing_arguments(first, second), ElementsAre("command", "env", "name", "network"));
  EXPECT_THAT(differing_arguments(second, first), ElementsAre("command", "env", "name", "network"));
}

TEST(SpawnDifferences, ADefaultSpeltOutIsNone) {
  const auto first = worker({{"command", "make"}, {"client_job_id", "a"}});
  const auto second = worker({{"command", "make"},
                              {"client_job_id", "a"},
                              {"cpus", 2},
                              {"image", "ubuntu:22.04"},
                              {"network", "internet"},
                              {"timeout_minutes", 30}});
  EXPECT_THAT(differing_arguments(first, second), IsEmpty());
  EXPECT_THAT(differing_arguments(second, first), IsEmpty());
}

TEST(SpawnDifferences, AnAgentHasItsOwnDefaults) {
  const auto agent = [](json arguments) {
    arguments["type"] = "agent";
    return SpawnRequest{"key", std::make_shared<const json>(std::move(arguments)), {}};
  };
  const auto plain = agent({{"task", "x"}});
  EXPECT_THAT(differing_arguments(plain, agent({{"task", "x"}, {"timeout_minutes", 60}})),
              IsEmpty());
  EXPECT_THAT(differing_arguments(plain, worker({{"command", "x"}})),
              testing::IsSupersetOf({"command", "task", "type"}));
}

TEST(SpawnDifferences, FilesAreComparedByWhatIsSent) {
  const json arguments{{"command", "make"}};
  const client::UploadRequest here{"/here", {".git"}, false};
  const auto first = worker(arguments, here);
  EXPECT_THAT(differing_arguments(first, worker(arguments, here)), IsEmpty());
  for (const auto& other :
       {client::UploadRequest{"/there", {".git"}, false}, client::UploadRequest{"/here", {}, false},
        client::UploadRequest{"/here", {".git"}, true}}) {
    EXPECT_THAT(differing_arguments(first, worker(arguments, other)), ElementsAre("files"));
  }
  EXPECT_THAT(differing_arguments(first, worker(arguments)), ElementsAre("files"));
}

}  // namespace
}  // namespace flashpods::mcp
