#include "logs/log_follower.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "logs/log_test_support.h"

namespace flashpods::logs {
namespace {

/// Each wait is a step of the test's script: time passes at once.
class ScriptedTimer final : public Timer {
 public:
  explicit ScriptedTimer(std::vector<std::function<void()>> steps) : steps_(std::move(steps)) {}
  Awaitable<void> sleep_for(Milliseconds wait) override {
    waits.push_back(wait);
    if (next_ < steps_.size()) steps_[next_++]();
    co_return;
  }

  std::vector<Milliseconds> waits;

 private:
  std::vector<std::function<void()>> steps_;
  std::size_t next_ = 0;
};

Awaitable<void> collect(LogFollower& follower, std::vector<std::string>& out) {
  while (auto slice = co_await follower.next()) out.push_back((*slice)->text());
}

std::vector<std::string> follow(LogFollower& follower) {
  boost::asio::io_context loop;
  std::vector<std::string> out;
  boost::asio::co_spawn(loop, collect(follower, out), boost::asio::detached);
  loop.run();
  return out;
}

TEST(LogFollower, GivesWhatComesUntilTheJobIsOver) {
  const TestLog log;
  std::optional<LogWriter> writer;
  bool over = false;
  ScriptedTimer timer{{
      [&] { writer = log.writer(); },
      [&] { writer->append(Stream::kStdout, "one\n\xE2\x82", at_ms(1)); },
      [] {},
      [&] { writer->append(Stream::kStdout, "\xAC\n", at_ms(2)); },
      [&] {
        writer->append(Stream::kStderr, "last", at_ms(3));
        over = true;
      },
  }};
  BlockingPool pool{1};
  LogFollower follower{{.file = log.file}, [&] { return over; }, timer, pool};
  EXPECT_EQ(follow(follower), (std::vector<std::string>{"one\n", "\xE2\x82\xAC\n", "last"}));
  EXPECT_EQ(follower.offset(), 12);
}

TEST(LogFollower, LooksSoonAfterOutputAndSeldomInASilence) {
  const TestLog log;
  auto writer = log.writer();
  int asked = 0;
  constexpr int kAsks = 200;
  const auto is_over = [&] {
    if (++asked == kAsks - 2) writer.append(Stream::kStdout, "again", at_ms(1));
    return asked >= kAsks;
  };
  ScriptedTimer timer{{}};
  BlockingPool pool{1};
  LogFollower follower{{.file = log.file}, is_over, timer, pool};
  EXPECT_EQ(follow(follower), std::vector<std::string>{"again"});
  ASSERT_EQ(timer.waits.size(), kAsks - 2U);
  EXPECT_TRUE(std::is_sorted(timer.waits.begin(), timer.waits.end() - 1));
  EXPECT_EQ(timer.waits.front(), LogFollower::kSoonest);
  EXPECT_EQ(timer.waits[kAsks - 4], LogFollower::kLatest);
  EXPECT_EQ(timer.waits.back(), LogFollower::kSoonest);
}

TEST(LogFollower, GoesOnFromAnOffsetAndFilters) {
  const TestLog log;
  auto writer = log.writer();
  writer.append(Stream::kStdout, "seen", at_ms(1));
  writer.append(Stream::kStderr, "err", at_ms(2));
  writer.append(Stream::kStdout, "new", at_ms(3));
  ScriptedTimer timer{{}};
  BlockingPool pool{1};
  LogFollower follower{{.file = log.file, .offset = 4, .options = {.stream = Stream::kStdout}},
                       [] { return true; },
                       timer,
                       pool};
  EXPECT_EQ(follow(follower), std::vector<std::string>{"new"});
}

TEST(LogFollower, MissesNothingThatIsWrittenJustBeforeTheEnd) {
  const TestLog log;
  auto writer = log.writer();
  int asked = 0;
  const auto is_over = [&] {
    if (++asked == 2) writer.append(Stream::kStdout, "last", at_ms(1));
    return asked >= 2;
  };
  ScriptedTimer timer{{}};
  BlockingPool pool{1};
  LogFollower follower{{.file = log.file}, is_over, timer, pool};
  EXPECT_EQ(follow(follower), std::vector<std::string>{"last"});
}

TEST(LogFollower, EndsAtOnceWhenAJobNeverHadALog) {
  const TestLog log;
  ScriptedTimer timer{{}};
  BlockingPool pool{1};
  LogFollower follower{{.file = log.file}, [] { return true; }, timer, pool};
  EXPECT_TRUE(follow(follower).empty());
}

TEST(LogFollower, ManyFollowersLookLessOften) {
  const TestLog log;
  auto writer = log.writer();
  bool over = false;
  ScriptedTimer timer{{
      [] {},
      [&] { writer.append(Stream::kStdout, "one\n", at_ms(1)); },
      [&] { writer.append(Stream::kStdout, "two\n", at_ms(2)); },
      [&] { over = true; },
  }};
  BlockingPool pool{1};
  LogFollower follower{{.file = log.file, .pause = [] { return Milliseconds{300}; }},
                       [&] { return over; },
                       timer,
                       pool};
  EXPECT_EQ(follow(follower), (std::vector<std::string>{"one\n", "two\n"}));
  EXPECT_EQ(timer.waits.size(), 4U);
  EXPECT_TRUE(std::ranges::all_of(timer.waits, [](auto wait) { return wait.count() == 300; }));
}

}  // namespace
}  // namespace flashpods::logs
