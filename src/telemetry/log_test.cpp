#include "telemetry/log.h"

#include <fcntl.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace flashpods {
namespace {

using nlohmann::json;
using namespace std::string_literals;

/// A log into a pipe, read back.
class LogPipe {
 public:
  explicit LogPipe(LogLevel level = LogLevel::kDebug) : level_(level) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    in_.reset(ends[0]);
    out_.reset(ends[1]);
  }

  Log log() { return {clock_, out_.get(), level_}; }

  std::string text() {
    out_.reset();
    return read_all(in_.get(), 1'000'000).value();
  }

  /// The only line, as JSON.
  json line() {
    const std::string all = text();
    EXPECT_EQ(all.find('\n'), all.size() - 1);
    return parse_json(all).value();
  }

 private:
  FakeClock clock_{Time{Milliseconds{1'768'991'400'123}}};
  LogLevel level_;
  Fd in_, out_;
};

TEST(Log, WritesOneObjectALine) {
  LogPipe pipe;
  pipe.log().info("job_started",
                  {{"job_id", "job_a"}, {"cpus", 4}, {"big", INT64_MIN}, {"cached", true}});
  EXPECT_EQ(pipe.text(), R"({"at":"2026-01-21T10:30:00.123Z","level":"info","event":"job_started",)"
                         R"("job_id":"job_a","cpus":4,"big":-9223372036854775808,"cached":true})"
                         "\n");
}

TEST(Log, EscapesWhatCameFromOutside) {
  LogPipe pipe;
  const std::string hostile = "a\"b\\c\nd\r\x1b[2J\0e\xff"s;
  pipe.log().warning("upload_refused", {{"name", hostile}});
  const json line = pipe.line();
  EXPECT_EQ(line["name"], to_valid_utf8(hostile));
  EXPECT_EQ(line["level"], "warning");
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  LogPipe pipe(LogLevel::kWarning);
  Log log = pipe.log();
  log.debug("a");
  log.info("b");
  log.error("c");
  EXPECT_EQ(pipe.line()["event"], "c");
}

TEST(Log, ALogThatCannotBeWrittenIsNoFailure) {
  const SystemClock clock;
  Log(clock, -1, LogLevel::kDebug).error("lost");
}

/// Collects lines.
struct Lines {
  Log log(const Clock& clock) {
    return {clock, [this](std::string_view line) { all.push_back(parse_json(line).value()); },
            LogLevel::kInfo};
  }
  std::vector<json> all;
};

TEST(Log, LongTextIsCutBetweenCharacters) {
  for (const std::size_t before : {996UL, 997UL, 998UL, 999UL, 1000UL}) {
    LogPipe pipe;
    pipe.log().info("event", {{"value", std::string(before, 'a') + "\xF0\x9F\x98\x80" + "bc"}});
    const json line = pipe.line();
    const auto value = line["value"].get<std::string>();
    EXPECT_LE(value.size(), kMostLogText + 3) << before;
    EXPECT_TRUE(value.ends_with("…")) << before;
    EXPECT_EQ(value.find("\xEF\xBF\xBD"), std::string::npos) << before;
  }
}

TEST(Log, TextOfNoCharactersIsCutToo) {
  LogPipe pipe;
  pipe.log().info("event", {{"value", std::string(100'000, '\x80')}});
  EXPECT_LT(pipe.text().size(), 3 * kMostLogText + 200);
}

TEST(Log, LinesBeyondTheRateAreCountedAndTheLastOneIsToldWithTheirNumber) {
  FakeClock clock;
  Lines lines;
  Log log = lines.log(clock);
  for (int i = 0; i < 1000; ++i) log.write(LogLevel::kInfo, "refused", {{"n", i}}, kStrangersRate);
  log.info("other");
  ASSERT_EQ(lines.all.size(), 2U);
  EXPECT_EQ(lines.all[0]["n"], 0);
  EXPECT_FALSE(lines.all[0].contains("times"));
  log.report_held();
  log.report_held();
  ASSERT_EQ(lines.all.size(), 3U);
  EXPECT_EQ(lines.all[2]["event"], "refused");
  EXPECT_EQ(lines.all[2]["n"], 999);
  EXPECT_EQ(lines.all[2]["times"], 999);
}

TEST(Log, AReportTakesThePlaceOfALine) {
  FakeClock clock;
  Lines lines;
  Log log = lines.log(clock);
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 100; ++i) {
      log.write(LogLevel::kInfo, "refused", {}, kStrangersRate);
      clock.advance(Milliseconds{10});
    }
    log.report_held();
  }
  EXPECT_LE(lines.all.size(), 12U);
  std::int64_t times = 0;
  for (const json& line : lines.all) times += line.value("times", 1);
  EXPECT_EQ(times, 1000);
}

TEST(Log, AnEventMayBeWrittenAgainAsTimePasses) {
  FakeClock clock;
  Lines lines;
  Log log = lines.log(clock);
  for (int i = 0; i < 300; ++i) log.info("often");
  EXPECT_EQ(lines.all.size(), static_cast<std::size_t>(kUsualRate.burst));
  clock.advance(Seconds{1});
  for (int i = 0; i < 300; ++i) log.info("often");
  EXPECT_EQ(lines.all.size(), static_cast<std::size_t>(kUsualRate.burst + kUsualRate.per_second));
  clock.advance(std::chrono::hours{1});
  for (int i = 0; i < 300; ++i) log.info("often");
  EXPECT_EQ(lines.all.size(),
            static_cast<std::size_t>(2 * kUsualRate.burst + kUsualRate.per_second));
}

RC_GTEST_PROP(LogLaws, AnyValueStaysOnItsLine, (const std::string& value)) {
  LogPipe pipe;
  pipe.log().info("event", {{"value", value}});
  RC_ASSERT(pipe.line()["value"] == to_valid_utf8(value));
}

}  // namespace
}  // namespace flashpods
