#include "cli/progress_bar.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace flashpods::cli {
namespace {

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

TEST(ProgressLine, ShowsBarPercentSizesAndRate) {
  const Progress half{"uploading", 5'000'000, 10'000'000, Milliseconds{2000}};
  EXPECT_EQ(progress_line(half, 80),
            "uploading  ████████████░░░░░░░░░░░░   50%  5.0 MB of 10 MB  2.5 MB/s");
}

TEST(ProgressLine, NeverLeavesItsLine) {
  const Progress half{"uploading", 5'000'000, 10'000'000, Milliseconds{2000}};
  for (std::size_t columns = 1; columns < 100; ++columns) {
    EXPECT_LE(columns_of(progress_line(half, columns)), columns) << columns;
  }
}

TEST(ProgressLine, WithoutATotalItCountsOnly) {
  EXPECT_EQ(progress_line({"getting", 1'500'000, 0, Milliseconds{0}}, 80), "getting  1.5 MB");
}

TEST(ProgressLine, MoreThanTheTotalIsAllOfIt) {
  const auto line = progress_line({"uploading", 12'000'000, 10'000'000, Milliseconds{0}}, 80);
  EXPECT_NE(line.find("100%  10 MB of 10 MB"), std::string::npos) << line;
}

}  // namespace
}  // namespace flashpods::cli
