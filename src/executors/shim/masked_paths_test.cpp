#include "executors/shim/masked_paths.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::shim {
namespace {

using nlohmann::json;

bool holds(const json& list, const char* path) {
  return std::find(list.begin(), list.end(), path) != list.end();
}

TEST(MaskedPaths, AddsWhatAnOlderPodmanDoesNotKnow) {
  auto config = json::parse(R"({"linux": {"maskedPaths": ["/own", "/proc/kcore"],
                                          "readonlyPaths": ["/proc/asound"]}})");
  mask_paths(config);
  const auto& masked = config["linux"]["maskedPaths"];
  EXPECT_EQ(masked[0], "/own");
  EXPECT_EQ(std::count(masked.begin(), masked.end(), "/proc/kcore"), 1);
  for (const char* path :
       {"/proc/interrupts", "/proc/asound", "/proc/cmdline", "/sys/devices/virtual/powercap"}) {
    EXPECT_TRUE(holds(masked, path)) << path;
  }
  EXPECT_TRUE(holds(config["linux"]["readonlyPaths"], "/proc/asound"));
  EXPECT_TRUE(holds(config["linux"]["readonlyPaths"], "/proc/sys"));
}

TEST(MaskedPaths, ABundleWithoutPathsGetsThem) {
  for (const char* text : {"{}", R"({"linux": 1})", R"({"linux": {"maskedPaths": null}})"}) {
    auto config = json::parse(text);
    mask_paths(config);
    EXPECT_TRUE(holds(config["linux"]["maskedPaths"], "/sys/firmware")) << text;
    EXPECT_TRUE(holds(config["linux"]["readonlyPaths"], "/proc/sysrq-trigger")) << text;
  }
}

}  // namespace
}  // namespace flashpods::shim
