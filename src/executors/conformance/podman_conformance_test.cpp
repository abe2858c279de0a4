// The suite over the real podman, and what only the shim can get wrong.

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "executors/conformance/executor_suite.h"
#include "executors/podman/podman_executor.h"
#include "executors/podman/run_command.h"
#include "executors/shim/job_files.h"
#include "executors/shim/shim_records.h"
#include "process/child.h"

namespace flashpods::executors {
namespace {

using namespace std::chrono_literals;
using jobs::EndCause;

constexpr const char* kImage = "localhost/flashpods/busybox:latest";

int status_of(std::vector<std::string> argv) {
  ChildOptions options;
  options.argv = std::move(argv);
  options.env = tool_environment();
  const auto child = start_child(options);
  int status = -1;
  if (child) ::waitpid(child->pid, &status, 0);
  return status;
}

std::optional<std::string> unusable() {
  static const auto reason = []() -> std::optional<std::string> {
    if (::geteuid() == 0) return "rootless podman needs an ordinary user; this is root";
    if (status_of({"podman", "image", "exists", kImage}) != 0) {
      return std::string("podman or its image ") + kImage + " is missing";
    }
    return std::nullopt;
  }();
  return reason;
}

/// FLASHPODS_SHIM, for a user who cannot read the build directory; else the one built beside us.
std::string shim_program() {
  const char* chosen = std::getenv("FLASHPODS_SHIM");
  return chosen != nullptr ? chosen : FLASHPODS_SHIM_PROGRAM;
}

/// What jobs are run with: podman, or a test's script that stands before it.
std::string& podman_program() {
  static std::string program = "podman";
  return program;
}

std::unique_ptr<jobs::Executor> make_podman(const SuiteParts& parts) {
  PodmanExecutorConfig config;
  config.settings.podman = podman_program();
  config.instance = parts.instance;
  config.shim_program = shim_program();
  return std::make_unique<PodmanExecutor>(
      std::move(config), PodmanExecutor::Parts{parts.executor, parts.runner, parts.pool,
                                               parts.timer, parts.tasks, parts.log});
}

const ExecutorUnderTest kPodman{"podman", kImage, unusable, make_podman};

INSTANTIATE_TEST_SUITE_P(Podman, ExecutorSuite, testing::Values(kPodman),
                         testing::PrintToStringParamName());

class ShimTest : public ExecutorSuite {
 protected:
  /// The process that holds the lock of the job's shim.
  static pid_t shim_of(const jobs::ContainerSpec& spec);
  static pid_t pid_in(const jobs::ContainerSpec& spec, const char* file);
  /// As if the host had restarted and these files, noted down before, had not reached the disk.
  static void lose_power_after(const jobs::ContainerSpec& spec,
                               std::initializer_list<const char*> lost);
  /// Fails the test after a minute, as the next one.
  static void wait_until_no_process_names(const std::filesystem::path& path);
  static void wait_for_file(const std::filesystem::path& file);
  static void wait_until_over(pid_t process);
};

void ShimTest::wait_until_no_process_names(const std::filesystem::path& path) {
  const auto is_named = [&path](const std::string& entry) {
    return read_file("/proc/" + entry + "/cmdline", 1 << 20).value_or("").contains(path.string());
  };
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (std::ranges::any_of(*list_directory("/proc"), is_named)) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << path;
    ::usleep(20'000);
  }
}

void ShimTest::wait_for_file(const std::filesystem::path& file) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!std::filesystem::exists(file)) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << file;
    ::usleep(5000);
  }
}

/// Gone, or only waiting for whoever its parent is by now.
void ShimTest::wait_until_over(pid_t process) {
  const auto file = "/proc/" + std::to_string(process) + "/status";
  const auto until = std::chrono::steady_clock::now() + 60s;
  for (;;) {
    const auto status = read_file(file, 1 << 16).value_or("");
    if (status.empty() || status.contains("State:\tZ")) return;
    ASSERT_LT(std::chrono::steady_clock::now(), until) << process;
    ::usleep(20'000);
  }
}

pid_t ShimTest::pid_in(const jobs::ContainerSpec& spec, const char* file) {
  const auto text = read_file(spec.directory / file, 100).value_or("");
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

pid_t ShimTest::shim_of(const jobs::ContainerSpec& spec) {
  for (const auto& entry : *list_directory("/proc")) {
    const auto words = read_file("/proc/" + entry + "/cmdline", 4096).value_or("");
    const auto second = words.find('\0') + 1;
    if (words.contains("flashpods-shim") &&
        words.substr(second).starts_with(spec.directory.string() + '\0')) {
      return std::stoi(entry);
    }
  }
  return 0;
}

TEST_P(ShimTest, AKilledShimLosesNoByteAndDoublesNone) {
  constexpr int kLines = 20'000;
  const auto spec = worker("i=0; while [ $i -lt " + std::to_string(kLines) +
                           " ]; do echo line $i; i=$((i+1)); done; exit 4");
  launch(spec);
  for (int kills = 0; kills < 4; ++kills) {
    wait_for_output(spec, "line " + std::to_string(1000 + kills * 3000));
    if (const auto shim = shim_of(spec); shim > 0) ::kill(shim, SIGKILL);
  }
  const auto exited = wait(spec);
  EXPECT_EQ(exited.exit_code, 4) << exited.message;
  std::string expected;
  for (int i = 0; i < kLines; ++i) expected += "line " + std::to_string(i) + '\n';
  EXPECT_TRUE(log_of(spec) == expected) << log_of(spec).size() << " bytes, not " << expected.size();
}

TEST_P(ShimTest, AShimKilledWhileStartingStartsOnlyOne) {
  for (const int after_ms : {5, 30, 60, 90, 120, 150, 200}) {
    const auto spec = worker("echo once >> /artifacts/runs; echo done");
    launch(spec);
    ::usleep(after_ms * 1000);
    if (const auto shim = shim_of(spec); shim > 0) ::kill(shim, SIGKILL);
    const auto exited = wait(spec);
    EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
    EXPECT_EQ(exited.exit_code, 0);
    EXPECT_EQ(read_file(spec.directory / "artifacts/runs", 100).value_or(""), "once\n") << after_ms;
    EXPECT_EQ(log_of(spec), "done\n") << after_ms;
  }
}

TEST_P(ShimTest, AKilledConmonLosesNoExitCode) {
  const auto spec = worker("echo up; while [ ! -e /artifacts/go ]; do sleep 0.05; done; exit 6");
  launch(spec);
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  ASSERT_EQ(::kill(pid_in(spec, "conmon.pid"), SIGKILL), 0);
  std::ofstream(spec.directory / "artifacts/go");
  const auto exited = wait(spec);
  EXPECT_EQ(exited.cause, EndCause::kExited) << exited.message;
  EXPECT_EQ(exited.exit_code, 6);
}

TEST_P(ShimTest, AContainerKilledFromOutsideIsNoExitCodeOfTheJob) {
  const auto spec = worker("echo up; sleep 1000");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  ASSERT_EQ(::kill(pid_in(spec, "container.pid"), SIGKILL), 0);
  const auto exited = wait(spec);
  EXPECT_NE(exited.cause, EndCause::kOomKilled);
  EXPECT_EQ(exited.exit_code, 137);
}

TEST_P(ShimTest, AVanishedContainerIsLostNotGuessed) {
  const auto spec = worker(
      "echo up; while [ ! -e /artifacts/go ]; do sleep 0.05; done; echo last; touch "
      "/artifacts/said;"
      "sleep 1000");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  ::kill(shim_of(spec), SIGSTOP);
  const auto shim = shim_of(spec);
  std::ofstream(spec.directory / "artifacts/go");
  wait_for_file(spec.directory / "artifacts/said");
  EXPECT_TRUE(daemon_->run(daemon_->executor().remove(spec.job_id)));
  ::kill(shim, SIGKILL);
  EXPECT_EQ(wait(spec).cause, EndCause::kLost);
  EXPECT_EQ(log_of(spec), "up\nlast\n");
}

TEST_P(ShimTest, ADeadlineHoldsWithoutADaemonAndOverANewShim) {
  auto spec = worker("echo up; sleep 1000");
  spec.run_limit = 2s;
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  ::kill(shim_of(spec), SIGKILL);
  const auto exited = wait(spec);
  EXPECT_EQ(exited.cause, EndCause::kTimedOut);
  EXPECT_LT(exited.at - exited.started->at, 30s);
}

void ShimTest::lose_power_after(const jobs::ContainerSpec& spec,
                                std::initializer_list<const char*> lost) {
  for (const char* file : lost) std::filesystem::remove(spec.directory / file);
  auto record = shim::parse_job(*read_file(spec.directory / shim::kSpecFile, 1 << 20));
  ASSERT_TRUE(record);
  record->launched.boot = "another";
  ASSERT_TRUE(write_file_durably(spec.directory / shim::kSpecFile, shim::to_text(*record)));
}

constexpr std::initializer_list<const char*> kNotesOfAStart{
    shim::kStartedFile, shim::kExitFile, shim::kRemovedFile, podman::kContainerIdFile,
    podman::kContainerPidFile};

TEST_P(ShimTest, WhatMayHaveRunBeforeTheHostRestartedNeverRunsAgain) {
  for (const bool begun : {true, false}) {
    const auto spec = worker("echo ran >> /artifacts/runs");
    EXPECT_EQ(run(spec).exit_code, 0);
    lose_power_after(spec, kNotesOfAStart);
    if (!begun) lose_power_after(spec, {shim::kBegunFile});

    launch(spec);
    const auto exited = wait(spec);
    EXPECT_EQ(exited.cause, EndCause::kLost) << exited.message;
    EXPECT_FALSE(exited.exit_code);
    EXPECT_EQ(read_file(spec.directory / "artifacts/runs", 100).value_or(""), "ran\n") << begun;
  }
}

TEST_P(ShimTest, NothingStartsThatCouldNotBeNotedDown) {
  const auto refused = [this](Seconds start_limit) {
    auto spec = worker("echo ran >> /artifacts/runs");
    spec.start_limit = start_limit;
    std::filesystem::create_symlink("nowhere/begun", spec.directory / shim::kBegunFile);
    launch(spec);
    return spec;
  };
  const auto late = refused(1s);
  EXPECT_EQ(wait(late).cause, EndCause::kStartFailed);
  EXPECT_FALSE(std::filesystem::exists(late.directory / "artifacts/runs"));

  const auto stopped = refused(600s);
  daemon_->run(daemon_->executor().stop(stopped.job_id));
  EXPECT_EQ(wait(stopped).cause, EndCause::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(stopped.directory / "artifacts/runs"));

  const auto lucky = refused(600s);
  std::filesystem::remove(lucky.directory / shim::kBegunFile);
  EXPECT_EQ(wait(lucky).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(lucky.directory / "artifacts/runs"));
}

TEST_P(ShimTest, SecretsAreInNoArgvAndNotInPodmansRecord) {
  auto spec = worker("echo up; sleep 1000");
  spec.env = {{"TOKEN", "s3cret-value"}};
  launch(spec);
  wait_for_output(spec, "up");
  for (const auto& entry : *list_directory("/proc")) {
    if (entry.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto words = read_file("/proc/" + entry + "/cmdline", 1 << 20).value_or("");
    EXPECT_FALSE(words.contains("s3cret-value")) << words;
  }
  daemon_->run(daemon_->executor().stop(spec.job_id));
  wait(spec);
}

/// Somebody has tried to put a file in its place, and is done with that.
void await_failed_attempt(const std::filesystem::path& in_the_way) {
  const auto directory = in_the_way.parent_path();
  const auto before = std::filesystem::last_write_time(directory);
  const auto is_tried = [&] {
    const auto is_new = [](const std::string& name) { return name.starts_with(".new-"); };
    return std::filesystem::last_write_time(directory) != before &&
           std::ranges::none_of(*list_directory(directory), is_new);
  };
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!is_tried()) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    ::usleep(1000);
  }
}

TEST_P(ShimTest, AStartIsNotedAsSoonAsItCanBe) {
  const auto spec = worker("echo up; while [ ! -e /artifacts/go ]; do sleep 0.05; done");
  const auto in_the_way = spec.directory / shim::kStartedFile;
  std::filesystem::create_directory(in_the_way);
  launch(spec);
  wait_for_output(spec, "up");
  await_failed_attempt(in_the_way);
  std::filesystem::remove(in_the_way);
  const auto started = daemon_->run(daemon_->executor().wait_started(spec.job_id));
  EXPECT_TRUE(std::holds_alternative<jobs::Started>(started));
  std::ofstream(spec.directory / "artifacts/go");
  EXPECT_EQ(wait(spec).exit_code, 0);
}

TEST_P(ShimTest, AShimWhoseJobIsGoneEnds) {
  const auto spec = worker("echo up; sleep 1000");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  const auto shim = shim_of(spec);
  ASSERT_EQ(::kill(shim, SIGSTOP), 0);
  EXPECT_TRUE(daemon_->run(daemon_->executor().remove(spec.job_id)));
  restart_daemon();
  specs_.clear();
  EXPECT_TRUE(remove_tree(spec.directory));
  ::kill(shim, SIGCONT);
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (::waitpid(shim, nullptr, WNOHANG) == 0 && std::chrono::steady_clock::now() < until) {
    ::usleep(20'000);
  }
  EXPECT_NE(::kill(shim, SIGKILL), 0) << "it had to be killed";
  wait_until_no_process_names(spec.directory);
}

TEST_P(ShimTest, NothingOfAJobOutlivesItsDirectory) {
  const auto spec = worker("echo up; sleep 1000");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
}

/// An image as ours, with labels that podman's whole record of a container would repeat.
class HugeLabels {
 public:
  HugeLabels() {
    status_of({"podman", "create", "--name", container_, kImage, "true"});
    std::vector<std::string> commit{"podman", "commit", "--quiet"};
    for (int i = 0; i < 15; ++i) {
      commit.insert(commit.end(),
                    {"--change", "LABEL l" + std::to_string(i) + "=" + std::string(100'000, 'x')});
    }
    commit.insert(commit.end(), {container_, name});
    made = status_of(commit) == 0;
    status_of({"podman", "rm", container_});
  }
  ~HugeLabels() { status_of({"podman", "rmi", "--force", name}); }
  HugeLabels(const HugeLabels&) = delete;
  HugeLabels& operator=(const HugeLabels&) = delete;

  const std::string name = "localhost/flashpods/conformance-huge:latest";
  bool made = false;

 private:
  const std::string container_ = "flashpods-conformance-huge";
};

TEST_P(ShimTest, AnImagesLabelsHideNeitherWhereTheJobWritesNorHowItEnds) {
  const HugeLabels image;
  ASSERT_TRUE(image.made);
  auto spec = worker(
      "i=0; while [ $i -lt 20 ]; do dd if=/dev/zero of=/tmp/file$i bs=1M count=20 2>/dev/null;"
      "i=$((i+1)); sleep 0.5; done");
  spec.image = image.name;
  spec.max_disk_bytes = 10'000'000;
  const auto exited = run(spec);
  EXPECT_EQ(exited.cause, EndCause::kDiskQuota) << exited.message;
  EXPECT_EQ(exited.exit_code, 137);
  EXPECT_TRUE(exited.started->image_digest.starts_with("sha256:"));
}

TEST_P(ShimTest, PrivateNetworksAreUnreachableFromTheFirstInstruction) {
  auto spec = worker("ip route; cat /proc/net/if_inet6");
  spec.network = jobs::Network::kInternet;
  EXPECT_EQ(run(spec).exit_code, 0);
  const auto routes = log_of(spec);
  for (const char* network :
       {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"}) {
    EXPECT_TRUE(routes.contains(std::string("unreachable ") + network)) << routes;
  }
  EXPECT_TRUE(routes.contains("default via 10.0.2.2")) << routes;
  EXPECT_FALSE(routes.contains("tap0\n") && routes.contains("fe80")) << "IPv6 is on: " << routes;
}

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
  const auto first = shim_of(spec);
  ::kill(first, SIGKILL);
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
  ::kill(shim_of(spec), SIGKILL);
  daemon_->run(daemon_->executor().stop(spec.job_id));
  const auto exited = wait_while_dumb(spec);
  EXPECT_EQ(exited.cause, EndCause::kCancelled);
  EXPECT_TRUE(exited.exit_code) << "it was not ended in the ordinary way";
}

TEST_P(UnreliablePodman, WhereAJobWritesIsAskedUntilItIsKnown) {
  behave(kDumb);
  std::ofstream(here() / "dumb");
  auto spec = worker(
      "dd if=/dev/zero of=/tmp/large bs=1M count=40 2>/dev/null; touch /artifacts/said; sleep "
      "1000");
  spec.max_disk_bytes = 10'000'000;
  launch(spec);
  wait_for_file(spec.directory / "artifacts/said");
  std::filesystem::remove(here() / "dumb");
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
    ASSERT_EQ(::kill(shim, SIGKILL), 0);
    ::waitpid(shim, nullptr, 0);
    if (!with_conmon) ASSERT_EQ(::kill(pid_in(spec, podman::kConmonPidFile), SIGKILL), 0);
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
  ASSERT_EQ(::kill(shim_of(spec), SIGKILL), 0);
  std::filesystem::remove(here() / "second");
  ASSERT_EQ(::kill(pid_in(spec, podman::kConmonPidFile), SIGKILL), 0);
  wait_for_output(spec, "up");
  std::ofstream(here() / "over");
  EXPECT_EQ(wait(spec).exit_code, 0);
  EXPECT_EQ(log_of(spec), "up\ndone\n");
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

INSTANTIATE_TEST_SUITE_P(Podman, ShimTest, testing::Values(kPodman),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Podman, UnreliablePodman, testing::Values(kPodman),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace flashpods::executors
