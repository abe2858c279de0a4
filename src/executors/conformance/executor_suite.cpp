#include "executors/conformance/executor_suite.h"

#include <fstream>
#include <signal.h>

#include "base/files.h"

namespace flashpods::executors {

using namespace std::chrono_literals;
using jobs::EndCause;

TEST_P(ExecutorSuite, ACommandRunsAndItsExitCodeIsTold) {
  const auto spec = worker("exit 7");
  const auto exited = run(spec);
  EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
  EXPECT_EQ(exited.exit_code, 7);
  ASSERT_TRUE(exited.started);
  EXPECT_TRUE(exited.started->image_digest.starts_with("sha256:"));
  EXPECT_GE(exited.at, exited.started->at);
}

TEST_P(ExecutorSuite, TheLogHoldsEachByteAndNothingElse) {
  const auto spec =
      worker("printf 'out\\000\\377\\r\\n'; head -c 300000 /dev/zero | tr '\\0' x; echo end");
  const auto exited = run(spec);
  EXPECT_EQ(exited.exit_code, 0) << exited.message;
  const auto log = log_of(spec);
  EXPECT_EQ(log, std::string("out\0\377\r\n", 7) + std::string(300'000, 'x') + "end\n");
  EXPECT_EQ(exited.log_bytes, log.size());
  EXPECT_FALSE(exited.log_truncated);
}

TEST_P(ExecutorSuite, StderrIsInTheLogToo) {
  const auto spec = worker("echo problem >&2; exit 1");
  EXPECT_EQ(run(spec).exit_code, 1);
  EXPECT_EQ(log_of(spec), "problem\n");
}

TEST_P(ExecutorSuite, ALogThatIsFullEndsTheLogNotTheJob) {
  auto spec = worker("head -c 500000 /dev/zero; exit 3");
  spec.max_log_bytes = 1000;
  const auto exited = run(spec);
  EXPECT_EQ(exited.exit_code, 3);
  EXPECT_EQ(exited.log_bytes, 1000U);
  EXPECT_TRUE(exited.log_truncated);
}

TEST_P(ExecutorSuite, ACodeThatLooksLikeASignalIsACode) {
  for (const int code : {125, 126, 127, 137, 143, 255}) {
    const auto exited = run(worker("exit " + std::to_string(code)));
    EXPECT_EQ(exited.cause, EndCause::kExited);
    EXPECT_EQ(exited.exit_code, code);
  }
}

TEST_P(ExecutorSuite, StopIsPoliteToTheObedient) {
  auto spec = worker("trap 'echo goodbye; exit 5' TERM; echo ready; while :; do sleep 0.1; done");
  spec.grace = 50s;
  const auto exited = run_and_stop(spec, "ready");
  EXPECT_EQ(exited.cause, EndCause::kCancelled);
  EXPECT_EQ(exited.exit_code, 5);
  EXPECT_EQ(log_of(spec), "ready\ngoodbye\n");
}

TEST_P(ExecutorSuite, StopIsFirmWithTheStubbornAndTheirChildren) {
  const auto spec = worker(
      "trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & "
      "echo ready; while :; do sleep 1; done");
  EXPECT_EQ(run_and_stop(spec, "ready").cause, EndCause::kCancelled);
}

TEST_P(ExecutorSuite, AStopBeforeTheStartHolds) {
  const auto spec = worker("sleep 1000");
  launch(spec);
  daemon_->run(daemon_->executor().stop(spec.job_id));
  EXPECT_EQ(wait(spec).cause, EndCause::kCancelled);
}

TEST_P(ExecutorSuite, StoppingWhatNobodyKnowsDoesNothing) {
  daemon_->run(daemon_->executor().stop(make_job_id(random_)));
}

TEST_P(ExecutorSuite, TheTimeLimitEndsIt) {
  auto spec = worker("sleep 1000");
  spec.run_limit = 1s;
  const auto exited = run(spec);
  EXPECT_EQ(exited.cause, EndCause::kTimedOut);
  EXPECT_GE(exited.at - exited.started->at, 1s);
}

TEST_P(ExecutorSuite, AnUnknownImageIsSaid) {
  auto spec = worker("true");
  spec.image = "localhost/flashpods/no-such-image:1";
  const auto exited = run(spec);
  EXPECT_EQ(exited.cause, EndCause::kImageNotFound) << exited.message;
  EXPECT_FALSE(exited.exit_code);
  EXPECT_FALSE(exited.started);
  EXPECT_EQ(log_of(spec), "");
}

TEST_P(ExecutorSuite, NoNetworkMeansNone) {
  const auto spec = worker("ls /sys/class/net | tr '\\n' ' '");
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_EQ(log_of(spec), "lo ");
}

TEST_P(ExecutorSuite, LaunchingTwiceMakesOneContainer) {
  const auto spec = worker("echo once; while [ ! -e /artifacts/go ]; do sleep 0.05; done");
  launch(spec);
  launch(spec);
  wait_for_output(spec, "once");
  launch(spec);
  EXPECT_EQ(containers(), 1U);
  std::ofstream(spec.directory / "artifacts/go");
  EXPECT_EQ(wait(spec).exit_code, 0);
  EXPECT_EQ(log_of(spec), "once\n");
}

TEST_P(ExecutorSuite, ANewDaemonFindsARunningJobAgain) {
  const auto spec = worker("echo begun; while [ ! -e /artifacts/go ]; do sleep 0.05; done; exit 9");
  launch(spec);
  wait_for_output(spec, "begun");
  restart_daemon();
  launch(spec);
  EXPECT_EQ(containers(), 1U);
  std::ofstream(spec.directory / "artifacts/go");
  EXPECT_EQ(wait(spec).exit_code, 9);
  EXPECT_EQ(log_of(spec), "begun\n");
}

TEST_P(ExecutorSuite, ANewDaemonLearnsHowAJobEnded) {
  const auto spec = worker("echo done; exit 9");
  launch(spec);
  daemon_->run(daemon_->executor().wait_exited(spec.job_id));
  restart_daemon();
  launch(spec);
  EXPECT_EQ(wait(spec).exit_code, 9);
  EXPECT_EQ(log_of(spec), "done\n");
}

TEST_P(ExecutorSuite, StartedComesWhileItRuns) {
  const auto spec = worker("while [ ! -e /artifacts/go ]; do sleep 0.05; done");
  launch(spec);
  const auto first = daemon_->run(daemon_->executor().wait_started(spec.job_id));
  EXPECT_TRUE(std::holds_alternative<jobs::Started>(first));
  auto list = daemon_->run(daemon_->executor().list());
  // Of the tests before this one a process may not have ended yet.
  std::erase_if(*list, [](const jobs::Observed& each) { return each.container_id.empty(); });
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().job_id, spec.job_id);
  EXPECT_TRUE(list->front().running);
  std::ofstream(spec.directory / "artifacts/go");
  EXPECT_EQ(wait(spec).exit_code, 0);
}

TEST_P(ExecutorSuite, EnvironmentArrivesByteForByte) {
  auto spec =
      worker("printf '%s|%s|%s|' \"$MULTI\" \"$ODD\" \"$EMPTY\"; echo $PATH; echo $LD_PRELOAD");
  spec.env = {{"MULTI", "one\ntwo\n"},
              {"ODD", "\x01\"'$`\\ \xc3\xbc\t"},
              {"EMPTY", ""},
              {"PATH", "/bin:/mine"},
              {"LD_PRELOAD", "/work/evil.so"},
              {"BIG", std::string(120'000, 'b')}};
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_EQ(log_of(spec), "one\ntwo\n|\x01\"'$`\\ \xc3\xbc\t||/bin:/mine\n/work/evil.so\n");
}

TEST_P(ExecutorSuite, WorkersHaveAPrivateHomeAndTemporaryDirectory) {
  auto spec = worker("touch \"$HOME/x\" \"$TMPDIR/y\" \"$CARGO_TARGET_DIR/z\" && echo $GOCACHE");
  spec.env = {{"GOCACHE", "/elsewhere"}};
  EXPECT_EQ(run(spec).exit_code, 0) << log_of(spec);
  EXPECT_EQ(log_of(spec), "/elsewhere\n");
}

TEST_P(ExecutorSuite, WorkIsReadOnlyOrThrownAway) {
  auto spec = worker("cat file; echo changed > file && cat file");
  std::ofstream(spec.directory / "work/file") << "original\n";
  EXPECT_NE(run(spec).exit_code, 0);
  spec = worker("cat file; echo changed > file && cat file");
  std::ofstream(spec.directory / "work/file") << "original\n";
  spec.workspace = jobs::Workspace::kScratch;
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_EQ(log_of(spec), "original\nchanged\n");
  EXPECT_EQ(read_file(spec.directory / "work/file", 100).value_or(""), "original\n");
}

TEST_P(ExecutorSuite, ArtifactsAreOurs) {
  const auto spec = worker("echo result > /artifacts/a");
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_EQ(read_file(spec.directory / "artifacts/a", 100).value_or(""), "result\n");
}

TEST_P(ExecutorSuite, TheFirstProcessHasNothingOpenButStandardStreams) {
  const auto spec = worker("ls /proc/self/fd | tr '\\n' ' '; id -u; grep -c . /proc/self/uid_map");
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_TRUE(log_of(spec).starts_with("0 1 2 3 ")) << log_of(spec);
}

}  // namespace flashpods::executors
