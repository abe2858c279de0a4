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

RC_GTEST_PROP(LogLaws, AnyValueStaysOnItsLine, (const std::string& value)) {
  LogPipe pipe;
  pipe.log().info("event", {{"value", value}});
  RC_ASSERT(pipe.line()["value"] == to_valid_utf8(value));
}

}  // namespace
}  // namespace flashpods
