#include "executors/shim/container_hook.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::shim {
namespace {

using nlohmann::json;

json hooks_after(const char* config, bool close_networks) {
  auto changed = json::parse(config);
  add_container_hook(changed, "/shim", close_networks);
  return changed["hooks"]["createRuntime"];
}

TEST(ContainerHook, StandsBesideOtherHooks) {
  const auto hooks = hooks_after(R"({"hooks": {"createRuntime": [{"path": "/other"}]}})", true);
  ASSERT_EQ(hooks.size(), 2);
  EXPECT_EQ(hooks[0]["path"], "/other");
  EXPECT_EQ(hooks[1], json::parse(R"({"path": "/shim",
      "args": ["flashpods-container-hook", "--close-networks"]})"));
}

TEST(ContainerHook, AJobWithoutNetworkHasItToo) {
  for (const char* config : {"{}", R"({"hooks": 1})", R"({"hooks": {"createRuntime": null}})"}) {
    EXPECT_EQ(hooks_after(config, false),
              json::parse(R"([{"path": "/shim", "args": ["flashpods-container-hook"]}])"));
  }
}

}  // namespace
}  // namespace flashpods::shim
