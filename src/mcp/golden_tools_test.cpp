// What tools/list says, byte for byte. FLASHPODS_ACCEPT=1 rewrites the golden file.

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "mcp/handshake.h"

namespace flashpods::mcp {
namespace {

using nlohmann::json;

TEST(GoldenTools, ListIsAsPublished) {
  const std::filesystem::path path = FLASHPODS_GOLDEN_TOOLS;
  const auto text = tools_list_result(Revision::k2025_11_25).dump(2) + "\n";
  if (std::getenv("FLASHPODS_ACCEPT") != nullptr) {
    std::ofstream{path} << text;
    GTEST_SKIP() << "rewrote " << path;
  }
  EXPECT_EQ(read_file(path, 1 << 20).value_or(""), text);
}

TEST(GoldenTools, OlderRevisionsGetWhatTheyKnow) {
  const auto oldest = tools_list_result(Revision::k2024_11_05);
  for (const auto& tool : oldest["tools"]) {
    EXPECT_FALSE(tool.contains("outputSchema"));
    EXPECT_FALSE(tool.contains("annotations"));
    EXPECT_TRUE(tool.contains("inputSchema"));
  }
  EXPECT_FALSE(oldest.contains("ttlMs"));
  EXPECT_TRUE(tools_list_result(Revision::k2026_07_28).contains("ttlMs"));
}

}  // namespace
}  // namespace flashpods::mcp
