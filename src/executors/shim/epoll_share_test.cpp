#include "executors/shim/epoll_share.h"

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

using namespace std::chrono_literals;

TEST(EpollShare, AJobHasASixteenthAndNoMoreThanIsCountedSoon) {
  EXPECT_EQ(EpollShare(160'000).most().watches, 10'000);
  EXPECT_EQ(EpollShare(100'000'000).most().watches, 131'072);
}

TEST(EpollShare, MoreThanTheShareIsTooMuch) {
  const EpollShare share(160'000);
  EXPECT_FALSE(share.has_too_many_watches({10'000, 1}));
  EXPECT_TRUE(share.has_too_many_watches({10'001, 1}));
  EXPECT_NE(share.explain_watches().find("more than 10000 "), std::string::npos);
  EXPECT_NE(share.explain_watches().find(" 160000 "), std::string::npos);
  EXPECT_FALSE(share.has_too_many_descriptors({0, 131'072}));
  EXPECT_TRUE(share.has_too_many_descriptors({0, 131'073}));
  EXPECT_NE(share.explain_descriptors().find("more than 131072 "), std::string::npos);
}

TEST(EpollShare, TheLessThereIsTheSoonerItIsCountedAgain) {
  EXPECT_EQ(EpollShare(100'000'000).wait({}, 0ms), 1s);
  EXPECT_EQ(EpollShare(1'000'000).wait({}, 0ms), 250ms);
  EXPECT_EQ(EpollShare(1'000).wait({}, 0ms), 50ms);
}

TEST(EpollShare, ALongCountIsRestedFromButNotForLong) {
  const EpollShare share(1'000'000);
  EXPECT_EQ(share.wait({}, 12ms), 250ms);
  EXPECT_EQ(share.wait({}, 20ms), 400ms);
  EXPECT_EQ(share.wait({}, 2s), 500ms);
}

TEST(EpollShare, WhoHasMuchAlreadyIsCountedMoreOften) {
  const EpollShare share(1'600'000);
  EXPECT_EQ(share.wait({share.most().watches / 4}, 100ms), 800ms);
  EXPECT_EQ(share.wait({share.most().watches / 4 + 1}, 100ms), 100ms);
  EXPECT_EQ(share.wait({0, 40'000}, 3s), 400ms);
}

}  // namespace
}  // namespace flashpods::shim
