#include "base/clock.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace flashpods {
namespace {

using namespace std::chrono_literals;

constexpr Time kMoment{Milliseconds{1'768'991'400'123}};  // 2026-01-21T10:30:00.123Z

TEST(Clock, ShowsMomentsAsRfc3339) {
  EXPECT_EQ(to_rfc3339(kMoment), "2026-01-21T10:30:00Z");
  EXPECT_EQ(to_rfc3339_ms(kMoment), "2026-01-21T10:30:00.123Z");
  EXPECT_EQ(to_rfc3339_ms(Time{Milliseconds{-1}}), "1969-12-31T23:59:59.999Z");
}

TEST(Clock, ReadsBothForms) {
  EXPECT_EQ(parse_rfc3339("2026-01-21T10:30:00.123Z"), kMoment);
  EXPECT_EQ(parse_rfc3339("2026-01-21T10:30:00Z"), kMoment - 123ms);
  EXPECT_TRUE(parse_rfc3339("2024-02-29T00:00:00Z"));
}

TEST(Clock, RefusesWhatIsNoMoment) {
  for (const char* text :
       {"", "2026-01-21", "2026-02-29T00:00:00Z", "2026-01-21T24:00:00Z", "2026-01-21T10:60:00Z",
        "2026-01-21T10:30:00+00:00", "2026-01-21t10:30:00Z", "2026-13-01T00:00:00Z",
        "+026-01-21T10:30:00Z", "2026-01-21T10:30:00,123Z", "2026-01-21T10:30:00.12 Z",
        "9999-12-31T23:59:60Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Clock, ShowsDurationsForAPerson) {
  EXPECT_EQ(to_human_duration(0s), "0s");
  EXPECT_EQ(to_human_duration(-5s), "0s");
  EXPECT_EQ(to_human_duration(512s), "8m 32s");
  EXPECT_EQ(to_human_duration(3605s), "1h 0m 5s");
}

TEST(Clock, AFakeOneMovesWhenTold) {
  FakeClock clock(kMoment);
  clock.advance(2s);
  clock.jump(-1h);
  EXPECT_EQ(clock.now(), kMoment + 2s - 1h);
  EXPECT_EQ(clock.monotonic(), 2s);
}

RC_GTEST_PROP(ClockLaws, AMomentSurvivesItsText, ()) {
  const auto limit = std::int64_t{4'102'444'800'000};  // the year 2100
  const Time moment{Milliseconds{*rc::gen::inRange(-limit, limit)}};
  RC_ASSERT(parse_rfc3339(to_rfc3339_ms(moment)) == moment);
}

RC_GTEST_PROP(ClockLaws, LaterMomentsSortLater, ()) {
  const auto limit = std::int64_t{4'102'444'800'000};
  const Time one{Milliseconds{*rc::gen::inRange(-limit, limit)}};
  const Time other{Milliseconds{*rc::gen::inRange(-limit, limit)}};
  RC_ASSERT((one < other) == (to_rfc3339_ms(one) < to_rfc3339_ms(other)));
}

RC_GTEST_PROP(ClockLaws, AnyTextIsReadOrRefused, (const std::string& text)) {
  [[maybe_unused]] const auto time = parse_rfc3339(text);
}

}  // namespace
}  // namespace flashpods
