#include "async/event_loop.h"

#include <csignal>

#include <boost/asio/signal_set.hpp>
#include <gtest/gtest.h>

#include "base/no_watches.h"

namespace flashpods {
namespace {

TEST(EventLoop, ALoopThatCanBeWokenIsSound) {
  boost::asio::io_context loop{1};
  const boost::asio::signal_set signals(loop, SIGUSR1);
  EXPECT_TRUE(check_event_loop(loop));
}

TEST(EventLoop, ALoopThatNothingWakesIsToldFromOthers) {
  const NoWatches none;
  boost::asio::io_context loop{1};
  const boost::asio::signal_set signals(loop, SIGUSR1);
  const auto sound = check_event_loop(loop);
  ASSERT_FALSE(sound);
  EXPECT_EQ(sound.error().code, "no_watches");
}

TEST(EventLoop, ADiskThatIsFullIsNotTheReason) {
  const boost::system::error_code full(ENOSPC, boost::system::system_category());
  EXPECT_EQ(registration_error(full, "x").kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace flashpods
