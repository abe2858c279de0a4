#include "executors/shim/image_room.h"

#include <gtest/gtest.h>

#include "base/temporary_directory.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/disk_room.h"

namespace flashpods::shim {
namespace {

constexpr std::uint64_t kMoreThanAnyDisk = UINT64_MAX - 1;

TEST(ImageRoom, TheTightestPlaceCounts) {
  const TemporaryDirectory directory;
  PollLoop loop;
  ImageRoom room(loop, {"/nowhere", directory.path()}, kMoreThanAnyDisk);
  EXPECT_TRUE(room.is_short());
  EXPECT_TRUE(room.explanation().contains("min_free_disk_gb")) << room.explanation();
}

TEST(ImageRoom, WhatCannotBeAskedIsNotShort) {
  PollLoop loop;
  ImageRoom room(loop, {"/nowhere"}, kMoreThanAnyDisk);
  EXPECT_FALSE(room.is_short());
}

TEST(ImageRoom, WithoutAFloorThereIsAlwaysRoom) {
  const TemporaryDirectory directory;
  PollLoop loop;
  ImageRoom room(loop, {directory.path()}, 0);
  EXPECT_FALSE(room.is_short());
}

TEST(ImageRoom, TheLoopTurnsForTheNextLook) {
  const TemporaryDirectory directory;
  PollLoop loop;
  constexpr std::uint64_t kSoonWritten = 1 << 30;
  ImageRoom room(loop, {directory.path()}, free_of({directory.path()}).front() - kSoonWritten);
  int turns = 0;
  const auto looked_again = [&] { return room.is_short() || ++turns == 2; };
  EXPECT_TRUE(loop.run_until(looked_again, since_boot() + Milliseconds{60'000}));
}

}  // namespace
}  // namespace flashpods::shim
