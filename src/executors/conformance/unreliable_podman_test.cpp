// What a job's end is worth when podman forgets, hangs, lies or dies.

#include <fstream>
#include <signal.h>
#include <sys/wait.h>

#include "base/files.h"
#include "executors/conformance/podman_fixture.h"
#include "executors/podman/run_command.h"
#include "executors/shim/job_files.h"

namespace flashpods::executors {
namespace {

using jobs::EndCause;

/// A podman that misbehaves where a test wants it to, and is the real one otherwise.
class UnreliablePodman : public ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (!daemon_) return;
    podman_program() = directory_ / "podman";
    behave("");
    restart_daemon();
  }
  void TearDown() override {
    behave("");
    ShimTest::TearDown();
    podman_program() = "podman";
  }

  /// `lines` of a shell script see podman's arguments; $verb is "run", "inspect", "rm" and so on,
  /// $here a directory for their own files.
  void behave(const std::string& lines);
  [[nodiscard]] std::filesystem::path here() const { return directory_; }
  /// The end, told by a shim that had no answer from podman; only the removal waits for one.
  jobs::Exited wait_while_dumb(const jobs::ContainerSpec& spec);
};

void UnreliablePodman::behave(const std::string& lines) {
  if (podman_program() == "podman") return;  // skipped
  const auto script = "#!/bin/sh\nhere=" + directory_.string() + R"(
verb=$1
[ "$verb" = --conmon ] && verb=$3
[ "$verb" = --runtime ] && verb=$5
)" + lines + "\nexec podman \"$@\"\n";
  ASSERT_TRUE(write_file_durably(podman_program(), script, 0700));
}

jobs::Exited UnreliablePodman::wait_while_dumb(const jobs::ContainerSpec& spec) {
  auto exited = daemon_->run(daemon_->executor().wait_exited(spec.job_id));
  std::filesystem::remove(here() / "dumb");
  daemon_->run(daemon_->executor().wait_removed(spec.job_id));
  return exited;
}

/// Podman's record says that the command was never started.
constexpr const char* kForgetsStart = R"(
[ $verb = inspect ] && { said=$(podman "$@") || exit; printf "%s" "$said" | sed '
  s/"StartedAt": *"[^"]*"/"StartedAt": "0001-01-01T00:00:00Z"/
  s/"Status": *"running"/"Status": "created"/'; exit; }
)";

TEST_P(UnreliablePodman, ACommandRunsOnThoughPodmanCouldNotNoteItsStart) {
  behave(std::string(kForgetsStart) + R"(
[ $verb = run ] && { podman "$@"; echo "Error: no space left on device" >&2; exit 125; }
)");
  const auto spec = worker("echo up; while [ ! -e /artifacts/go ]; do sleep 0.05; done; exit 6");
  launch(spec);
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  behave("");
  std::ofstream(spec.directory / "artifacts/go");
  const auto exited = wait(spec);
  EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
  EXPECT_EQ(exited.exit_code, 6);
  EXPECT_EQ(log_of(spec), "up\n");
}

TEST_P(UnreliablePodman, AWarningIsNoReasonForAFailedStart) {
  behave(R"(
[ $verb = run ] && { echo 'time="x" level=warning msg="cgroups v1"' >&2; exit 125; }
)");
  const auto exited = run(worker("echo never"));
  EXPECT_EQ(exited.cause, EndCause::kStartFailed);
  EXPECT_EQ(exited.message,
            "The container could not be started. Podman gave no reason and ended with exit code "
            "125.");
  EXPECT_EQ(exited.details, "");
}

/// Podman is killed when the job is over, and has noted nothing of it.
std::string dies_with(const jobs::ContainerSpec& spec) {
  return R"(
[ $verb = inspect ] && { said=$(podman "$@") || exit; printf "%s" "$said" | sed '
  s/"StartedAt": *"[^"]*"/"StartedAt": "0001-01-01T00:00:00Z"/
  s/"Status": *"[a-z]*"/"Status": "created"/'; exit; }
[ $verb = run ] && {
  podman "$@"
  while [ ! -s ')" +
         (spec.directory / shim::kExitCodeLink).string() + R"(' ]; do sleep 0.05; done
  kill -9 $$
}
)";
}

TEST_P(UnreliablePodman, ACodeThatAHeldContainerCouldHaveIsTheCommandsIfItSpoke) {
  const auto spec = worker("echo up; exit 137");
  behave(dies_with(spec));
  const auto exited = run(spec);
  EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
  EXPECT_EQ(exited.exit_code, 137);
  EXPECT_EQ(log_of(spec), "up\n");
}

TEST_P(UnreliablePodman, ACodeThatAHeldContainerCouldHaveProvesNothing) {
  const auto spec = worker("exit 137");
  behave(dies_with(spec));
  const auto exited = run(spec);
  EXPECT_EQ(exited.cause, EndCause::kLost) << exited.message;
  EXPECT_FALSE(exited.exit_code);
}

TEST_P(UnreliablePodman, AStartThatPodmanNotedTooEarlyFailed) {
  behave(R"(
[ $verb = run ] && { shift 4; podman create "$@" >/dev/null; echo "Error: hung" >&2; exit 125; }
[ $verb = inspect ] && { said=$(podman "$@") || exit; printf "%s" "$said" | sed '
  s/"StartedAt": *"[^"]*"/"StartedAt": "2026-01-01T00:00:00Z"/'; exit; }
)");
  const auto exited = run(worker("echo never"));
  EXPECT_EQ(exited.cause, EndCause::kStartFailed) << exited.message;
}

/// Podman says nothing about the container as long as the file `dumb` is there.
constexpr const char* kDumb = R"(
[ $verb = inspect ] && [ -e $here/dumb ] && { echo "Error: database is locked" >&2; exit 125; }
)";

TEST_P(UnreliablePodman, ItsSilenceIsNoWordThatTheContainerIsGone) {
  behave(kDumb);
  const auto spec = worker("echo up; while [ ! -e /artifacts/go ]; do sleep 0.05; done; exit 6");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  std::ofstream(here() / "dumb");
  kill_process(shim_of(spec));
  std::ofstream(spec.directory / "artifacts/go");
  auto exited = wait_while_dumb(spec);
  EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
  EXPECT_EQ(exited.exit_code, 6);
  EXPECT_EQ(log_of(spec), "up\n");
}

TEST_P(UnreliablePodman, ItsSilenceDoesNotKeepAJobAlive) {
  behave(kDumb);
  const auto spec = worker("echo up; sleep 1000");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  std::ofstream(here() / "dumb");
  kill_process(shim_of(spec));
  daemon_->run(daemon_->executor().stop(spec.job_id));
  const auto exited = wait_while_dumb(spec);
  EXPECT_EQ(exited.cause, EndCause::kCancelled);
  EXPECT_TRUE(exited.exit_code) << "it was not ended in the ordinary way";
}

// The job speaks while `podman run` has still to return.
TEST_P(UnreliablePodman, ASlowStartTakesNothingOfTheGrace) {
  behave("[ $verb = run ] && { podman \"$@\"; code=$?; sleep 7; exit $code; }");
  auto spec = worker("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done");
  spec.grace = Seconds(5);
  const auto exited = run_and_stop(spec, "up");
  EXPECT_EQ(exited.cause, EndCause::kCancelled);
  EXPECT_EQ(exited.exit_code, 3);
  EXPECT_EQ(log_of(spec), "up\nbye\n");
}

constexpr const char* kWritesFortyMegabytes = R"(
dd if=/dev/zero of=/tmp/large bs=1M count=40 2>/dev/null
touch /artifacts/said
sleep 1000
)";

TEST_P(UnreliablePodman, WhereAJobWritesIsAskedUntilItIsKnown) {
  behave(kDumb);
  std::ofstream(here() / "dumb");
  auto spec = worker(kWritesFortyMegabytes);
  spec.max_disk_bytes = 10'000'000;
  launch(spec);
  wait_for_file(spec.directory / "artifacts/said");
  std::filesystem::remove(here() / "dumb");
  EXPECT_EQ(wait(spec).cause, EndCause::kDiskQuota);
}

TEST_P(UnreliablePodman, WhatAJobWroteBeforeItsStartWasKnownCounts) {
  behave(R"(
[ $verb = run ] && {
  podman "$@"; code=$?
  while [ ! -e $here/written ]; do sleep 0.05; done
  exit $code
}
)");
  auto spec = worker(kWritesFortyMegabytes);
  spec.max_disk_bytes = 10'000'000;
  launch(spec);
  wait_for_file(spec.directory / "artifacts/said");
  std::ofstream(here() / "written");
  EXPECT_EQ(wait(spec).cause, EndCause::kDiskQuota);
}

TEST_P(UnreliablePodman, AStartThatHangsIsGivenUpSoonAfterAStop) {
  behave("[ $verb = run ] && { touch $here/hangs; exec sleep 1000; }");
  const auto spec = worker("echo never");
  launch(spec);
  wait_for_file(here() / "hangs");
  daemon_->run(daemon_->executor().stop(spec.job_id));
  EXPECT_EQ(wait(spec).cause, EndCause::kCancelled);  // within the minute that a test waits
}

/// Every other question about the container gets no answer.
constexpr const char* kForgetful = R"(
[ $verb = inspect ] && {
  asked=$(($(cat $here/asked 2>/dev/null || echo 0) + 1)); echo $asked >$here/asked
  [ $((asked % 2)) = 1 ] && { echo "Error: database is locked" >&2; exit 125; }
}
)";

TEST_P(UnreliablePodman, ItsSilenceAfterAFailedStartIsAskedAgain) {
  behave(std::string(kForgetful) + R"(
[ $verb = run ] && { podman "$@"; echo "Error: no space left on device" >&2; exit 125; }
)");
  const auto exited = run(worker("echo up; sleep 1; exit 6"));
  EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
  EXPECT_EQ(exited.exit_code, 6);
}

/// As with a container whose processes it could not note down: it ends nothing.
constexpr const char* kRemovesNothing = "[ $verb = rm ] && exit 0";

TEST_P(UnreliablePodman, WhatItForgetsIsEndedWithoutAShim) {
  for (const bool with_conmon : {true, false}) {
    const auto spec = worker("trap '' TERM; echo up; while :; do sleep 1; done");
    launch(spec);
    wait_for_output(spec, "up");
    daemon_->run(daemon_->executor().wait_started(spec.job_id));
    const auto init = pid_in(spec, podman::kContainerPidFile);
    const auto shim = shim_of(spec);
    restart_daemon();
    kill_process(shim);
    ::waitpid(shim, nullptr, 0);
    if (!with_conmon) kill_process(pid_in(spec, podman::kConmonPidFile));
    behave(kRemovesNothing);
    EXPECT_TRUE(daemon_->run(daemon_->executor().remove(spec.job_id)));
    wait_until_no_process_names(spec.directory);
    wait_until_over(init);
    behave("");
    // The second try (TearDown) removes one that podman believed to be running.
    [[maybe_unused]] const auto first_try = daemon_->run(daemon_->executor().remove(spec.job_id));
  }
}

/// The first start hangs in the OCI runtime, whose init outlives it, and says what it thinks of
/// that.
constexpr const char* kFirstStartHangs = R"(
case " $* " in *" create "*) ;; *) exec runc "$@" ;; esac
mkdir "$here/second" && exec runc "$@"
exec unshare --pid --fork sh -c '
  echo interrupted >&2
  mkdir "$1/first"
  for i in $(seq 1200); do [ -e "$1/over" ] && break; sleep 0.05; done
  for i in $(seq 8); do echo "sync: parent gone" >&2; sleep 0.2; done' sh "$here"
)";

TEST_P(UnreliablePodman, WhatAnInterruptedStartSaysIsNoOutputOfTheJob) {
  const auto runtime = here() / "runtime";
  const auto script = "#!/bin/sh\nhere=" + here().string() + kFirstStartHangs;
  ASSERT_TRUE(write_file_durably(runtime, script, 0700));
  ASSERT_TRUE(make_directories(here() / "second"));
  behave("[ $verb = run ] && exec podman --runtime $here/runtime \"$@\"");
  const auto spec = worker("echo up; sleep 2; echo done");
  launch(spec);
  wait_for_file(here() / "first");
  kill_process(shim_of(spec));
  std::filesystem::remove(here() / "second");
  wait_for_file(spec.directory / podman::kConmonPidFile);  // written by its parent, which lives on
  kill_process(pid_in(spec, podman::kConmonPidFile));
  wait_for_output(spec, "up");
  std::ofstream(here() / "over");
  EXPECT_EQ(wait(spec).exit_code, 0);
  EXPECT_EQ(log_of(spec), "up\ndone\n");
}

/// The step before conmon is killed when podman asks for conmon's version.
constexpr const char* kVersionCheckFails = R"(
[ $verb = run ] && [ ! -e $here/asked ] && {
  touch $here/asked
  mv "$2" "$2.kept"
  printf '#!/bin/sh\nmv "$0.kept" "$0"\nkill -9 $$\n' >"$2"
  chmod 700 "$2"
}
)";

TEST_P(UnreliablePodman, NoOtherConmonTakesThePlaceOfTheJobs) {
  behave(kVersionCheckFails);
  const auto spec = worker("echo up");
  const auto exited = run(spec);
  EXPECT_EQ(exited.exit_code, 0) << exited.message << exited.details;
  EXPECT_EQ(log_of(spec), "up\n");
  EXPECT_TRUE(std::filesystem::exists(here() / "asked"));
}

/// The program that does our step before conmon is gone when podman looks for it.
constexpr const char* kStepIsGone = "[ $verb = run ] && ln -sf /nowhere \"$2\"\n";

TEST_P(UnreliablePodman, AContainerWithAnotherConmonIsEnded) {
  behave(kStepIsGone);
  const auto exited = run(worker("sleep 600"));
  EXPECT_EQ(exited.cause, EndCause::kStartFailed);
  EXPECT_TRUE(exited.message.contains("another conmon")) << exited.message;
}

/// The OCI runtime fails and leaves a process that has no namespace of its own yet.
constexpr const char* kRuntimeLeavesAProcess = R"(
case " $* " in *" create "*) ;; *) exec runc "$@" ;; esac
setsid sh -c 'echo $$ >"$1/left.new"; mv "$1/left.new" "$1/left"; exec sleep 600' sh "$here" &
while [ ! -e "$here/left" ]; do sleep 0.05; done
exit 1
)";

TEST_P(UnreliablePodman, WhatAFailedStartLeftAtAnEarlyStageIsEnded) {
  const auto script = "#!/bin/sh\nhere=" + here().string() + kRuntimeLeavesAProcess;
  ASSERT_TRUE(write_file_durably(here() / "runtime", script, 0700));
  behave("[ $verb = run ] && exec podman --runtime $here/runtime \"$@\"");
  const auto spec = worker("echo never");
  EXPECT_EQ(run(spec).cause, EndCause::kStartFailed);
  const auto left = std::stoi(read_file(here() / "left", 32).value_or("0"));
  ASSERT_GT(left, 1);
  EXPECT_NE(::kill(left, 0), 0) << "it still runs";
}

// As rootless podman does, whose work is done by a child of the process that is started.
TEST_P(UnreliablePodman, WhatGoesOnWithoutTheOneThatWasKilledIsWaitedFor) {
  behave(R"(
[ $verb = run ] && { (sleep 1; exec podman "$@") </dev/null >/dev/null 2>&1 & kill -9 $$; }
)");
  const auto exited = run(worker("exit 6"));
  EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
  EXPECT_EQ(exited.exit_code, 6);
}

TEST_P(UnreliablePodman, AContainerOfSomebodyElseIsLeftAlone) {
  behave(kForgetful);
  const auto spec = worker("echo never");
  ASSERT_EQ(status_of({"podman", "create", "--name", spec.job_id, kImage, "true"}), 0);
  const auto exited = run(spec);
  EXPECT_EQ(exited.cause, EndCause::kStartFailed) << exited.message;
  EXPECT_EQ(status_of({"podman", "rm", spec.job_id}), 0);
}

INSTANTIATE_TEST_SUITE_P(Podman, UnreliablePodman, testing::Values(real_podman()),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace flashpods::executors
