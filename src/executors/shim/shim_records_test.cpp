#include "executors/shim/shim_records.h"

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

JobRecord job() {
  JobRecord record;
  record.spec.job_id = "job_x";
  record.spec.instance = "i";
  record.spec.type = jobs::JobType::kAgent;
  record.spec.image = "debian";
  record.spec.command = "echo \"\n\x01";
  record.spec.env = {{"A", "1\n2"}};
  record.spec.network = jobs::Network::kNone;
  record.spec.workspace = jobs::Workspace::kScratch;
  record.spec.read_only_root = true;
  record.spec.log_file = "/logs/x";
  record.spec.max_log_bytes = 50'000'000;
  record.spec.run_limit = Seconds(7);
  record.settings.oci_runtime = "runc";
  record.settings.sockets = {{"/a", "/b"}};
  record.settings.private_registries = {"nas.lan:5000"};
  record.settings.dns = {"1.1.1.1"};
  record.settings.guard_pulls = false;
  record.launched = {"boot", Milliseconds(12)};
  return record;
}

TEST(ShimRecords, AJobComesBackAsItWas) {
  const auto back = parse_job(to_text(job()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_text(*back), to_text(job()));
  EXPECT_EQ(back->spec.env, job().spec.env);
  EXPECT_EQ(back->settings.sockets.at(0).container, "/b");
  EXPECT_EQ(back->launched.since_boot, Milliseconds(12));
  EXPECT_TRUE(back->spec.read_only_root);
  EXPECT_EQ(back->settings.private_registries, job().settings.private_registries);
  EXPECT_EQ(back->settings.dns, job().settings.dns);
  EXPECT_FALSE(back->settings.guard_pulls);
}

TEST(ShimRecords, EachEndComesBackAsItWas) {
  for (int cause = 0; cause <= static_cast<int>(jobs::EndCause::kLost); ++cause) {
    ExitRecord record;
    auto& exited = record.exited;
    exited.cause = static_cast<jobs::EndCause>(cause);
    exited.exit_code = 3;
    exited.signal = 9;
    exited.message = "why\xff";
    exited.details = "runc: why";
    exited.log_details = "dial tcp: why";
    exited.started = jobs::Started{Time{Milliseconds(5)}, "c", "sha256:1"};
    exited.at = Time{Milliseconds(6)};
    exited.log_bytes = 77;
    exited.log_truncated = true;
    record.boot = {"b", Milliseconds(9)};
    const auto back = parse_exit(to_text(record));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->exited.cause, exited.cause);
    EXPECT_EQ(to_text(*back), to_text(record));
    EXPECT_EQ(back->exited.details, exited.details);
    EXPECT_EQ(back->exited.log_details, exited.log_details);
    EXPECT_EQ(back->exited.started->image_digest, "sha256:1");
    EXPECT_EQ(back->boot.boot, "b");
    EXPECT_EQ(back->boot.since_boot, Milliseconds(9));
  }
}

TEST(ShimRecords, AnEndOfAVersionThatNotedNoBootIsReadAllTheSame) {
  const auto back =
      parse_exit(R"({"cause": "exited", "exit_code": 4, "at": "2026-01-01T00:00:00Z"})");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->exited.exit_code, 4);
  EXPECT_EQ(back->boot.boot, "");
}

TEST(ShimRecords, StartedAndStopComeBackAsTheyWere) {
  const StartedRecord started{{Time{Milliseconds(5)}, "c", ""}, {"b", Milliseconds(9)}};
  EXPECT_EQ(to_text(*parse_started(to_text(started))), to_text(started));
  const StopRecord stop{jobs::EndCause::kTimedOut, Time{Milliseconds(5)}};
  EXPECT_EQ(to_text(*parse_stop(to_text(stop))), to_text(stop));
}

TEST(ShimRecords, UnknownMembersAreNoError) {
  EXPECT_TRUE(parse_stop(
      R"({"version": 2, "new": [], "cause": "cancelled", "at": "2026-01-01T00:00:00Z"})"));
}

TEST(ShimRecords, ACauseOfANewerVersionEndsTheJobAllTheSame) {
  const auto end = parse_exit(R"({"cause": "bored", "exit_code": 4, "message": "why",
      "log_bytes": 7, "at": "2026-01-01T00:00:00Z"})");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exited.cause, jobs::EndCause::kLost);
  EXPECT_EQ(end->exited.exit_code, 4);
  EXPECT_EQ(end->exited.message, "why");
  EXPECT_EQ(end->exited.log_bytes, 7U);
  const auto stop = parse_stop(R"({"cause": "bored", "at": "2026-01-01T00:00:00Z"})");
  ASSERT_TRUE(stop) << stop.error().message;
  EXPECT_EQ(stop->cause, jobs::EndCause::kCancelled);
}

TEST(ShimRecords, NonsenseIsAnError) {
  for (const char* text : {"", "[]", "{}", "{\"cause\": 1}", "nul", "{\"cause\": \"bored\"}"}) {
    EXPECT_FALSE(parse_job(text)) << text;
    EXPECT_FALSE(parse_started(text)) << text;
    EXPECT_FALSE(parse_stop(text)) << text;
    EXPECT_FALSE(parse_exit(text)) << text;
  }
}

}  // namespace
}  // namespace flashpods::shim
