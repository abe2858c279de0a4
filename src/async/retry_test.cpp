#include "async/retry.h"

#include <new>
#include <stdexcept>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include "async/fake_timer.h"

namespace flashpods {
namespace {

using namespace std::chrono_literals;

class RetryTest : public testing::Test {
 protected:
  /// Fails as the next of `throws` says, or ends well once there is none left.
  Awaitable<void> attempt() {
    ++attempts_;
    if (throws_.empty()) co_return;
    const auto fail = throws_.front();
    throws_.erase(throws_.begin());
    fail();
  }
  void begin() {
    auto task = retry(
        timer_, [this] { return attempt(); },
        [this](const std::string& what) { failures_.push_back(what); }, {1s, 3s});
    boost::asio::co_spawn(
        io_, std::move(task),
        boost::asio::bind_cancellation_slot(signal_.slot(), [this](std::exception_ptr thrown) {
          over_ = true;
          thrown_ = thrown != nullptr;
        }));
    settle();
  }
  void settle() {
    io_.restart();
    io_.poll();
  }
  void advance(Milliseconds by) {
    timer_.advance(by);
    settle();
  }

  boost::asio::io_context io_{1};
  boost::asio::cancellation_signal signal_;
  FakeClock clock_;
  FakeTimer timer_{clock_};
  std::vector<void (*)()> throws_;
  std::vector<std::string> failures_;
  int attempts_ = 0;
  bool over_ = false, thrown_ = false;
};

void throw_no_space() {
  throw boost::system::system_error(ENOSPC, boost::system::system_category(), "assign");
}
void throw_no_memory() { throw std::bad_alloc(); }
void throw_aborted() { throw boost::system::system_error(boost::asio::error::operation_aborted); }

TEST_F(RetryTest, WhatEndsWellIsNotRepeated) {
  begin();
  EXPECT_TRUE(over_);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(RetryTest, AnExceptionIsToldAndTriedAgainWithGrowingPauses) {
  throws_ = {throw_no_space, throw_no_memory, throw_no_space, throw_no_space};
  begin();
  EXPECT_EQ(attempts_, 1);
  advance(1s);
  EXPECT_EQ(attempts_, 2);
  advance(1s);
  EXPECT_EQ(attempts_, 2) << "the second pause is longer";
  advance(1s);
  EXPECT_EQ(attempts_, 3);
  advance(3s);
  EXPECT_EQ(attempts_, 4) << "no pause is longer than the longest";
  advance(3s);
  EXPECT_TRUE(over_);
  EXPECT_FALSE(thrown_);
  ASSERT_EQ(failures_.size(), 4U);
  EXPECT_TRUE(failures_[0].starts_with("assign: No space left"));
  EXPECT_EQ(failures_[1], "std::bad_alloc");
}

TEST_F(RetryTest, ACancelledRunIsNotRepeated) {
  throws_ = {throw_aborted};
  begin();
  EXPECT_TRUE(over_ && thrown_);
  EXPECT_EQ(attempts_, 1);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(RetryTest, ACancellationEndsAPause) {
  throws_ = {throw_no_memory, throw_no_memory};
  begin();
  signal_.emit(boost::asio::cancellation_type::terminal);
  settle();
  EXPECT_TRUE(over_ && thrown_);
  EXPECT_EQ(attempts_, 1);
}

}  // namespace
}  // namespace flashpods
