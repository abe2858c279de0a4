// The suite over the real podman, and what only the shim can get wrong.

#include <algorithm>
#include <fstream>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "executors/conformance/podman_fixture.h"
#include "executors/podman/run_command.h"
#include "executors/shim/job_files.h"
#include "executors/shim/shim_records.h"

namespace flashpods::executors {
namespace {

using namespace std::chrono_literals;
using jobs::EndCause;

TEST_P(ShimTest, AContainerWhoseShimsAllDieIsEndedWithoutOne) {
  const auto spec = worker("trap '' TERM; echo up; while :; do sleep 1; done");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  ASSERT_TRUE(write_file_durably(spec.directory / shim::kSpecFile, "no record"));
  kill_process(shim_of(spec));
  const auto exited = wait(spec);
  EXPECT_EQ(exited.cause, EndCause::kLost);
  EXPECT_TRUE(exited.log_incomplete);
  EXPECT_EQ(containers(), 0U);
}

TEST_P(ShimTest, AStoppedShimIsNeededForNoEnd) {
  const auto spec = worker("trap '' TERM; echo up; while :; do sleep 1; done");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  const auto shim = shim_of(spec);
  kill_process(shim, SIGSTOP);
  ASSERT_TRUE(daemon_->run(daemon_->executor().force_end(spec.job_id, EndCause::kTimedOut)));
  EXPECT_EQ(wait(spec).cause, EndCause::kTimedOut);
  wait_until_over(shim);
}

TEST_P(ShimTest, AForcedEndKeepsTheCodeThatConmonNoted) {
  const auto spec = worker("echo up; while [ ! -e /artifacts/go ]; do sleep 0.05; done; exit 6");
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  kill_process(shim_of(spec), SIGSTOP);
  std::ofstream(spec.directory / "artifacts/go");
  wait_until_over(pid_in(spec, podman::kConmonPidFile));
  ASSERT_TRUE(daemon_->run(daemon_->executor().force_end(spec.job_id, EndCause::kTimedOut)));
  const auto exited = wait(spec);
  EXPECT_EQ(exited.cause, EndCause::kExited);
  EXPECT_EQ(exited.exit_code, 6);
}

INSTANTIATE_TEST_SUITE_P(Podman, ExecutorSuite, testing::Values(real_podman()),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Podman, ShimTest, testing::Values(real_podman()),
                         testing::PrintToStringParamName());

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
  kill_process(pid_in(spec, "conmon.pid"));
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
  kill_process(pid_in(spec, "container.pid"));
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
  const auto shim = shim_of(spec);
  kill_process(shim, SIGSTOP);
  std::ofstream(spec.directory / "artifacts/go");
  wait_for_file(spec.directory / "artifacts/said");
  EXPECT_TRUE(daemon_->run(daemon_->executor().remove(spec.job_id)));
  kill_process(shim);
  EXPECT_EQ(wait(spec).cause, EndCause::kLost);
  EXPECT_EQ(log_of(spec), "up\nlast\n");
}

TEST_P(ShimTest, ADeadlineHoldsWithoutADaemonAndOverANewShim) {
  auto spec = worker("echo up; sleep 1000");
  spec.run_limit = 8s;
  launch(spec);
  wait_for_output(spec, "up");
  daemon_->run(daemon_->executor().wait_started(spec.job_id));
  kill_process(shim_of(spec));
  const auto exited = wait(spec);
  EXPECT_EQ(exited.cause, EndCause::kTimedOut);
  EXPECT_LT(exited.at - exited.started->at, 30s);
}

/// As if the host had restarted and these files, noted down before, had not reached the disk.
void lose_power_after(const jobs::ContainerSpec& spec, std::initializer_list<const char*> lost) {
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
  wait_until(is_tried, in_the_way);
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
  kill_process(shim, SIGSTOP);
  EXPECT_TRUE(daemon_->run(daemon_->executor().remove(spec.job_id)));
  restart_daemon();
  specs_.clear();
  EXPECT_TRUE(remove_tree(spec.directory));
  ::kill(shim, SIGCONT);
  const auto has_ended = [shim] { return ::waitpid(shim, nullptr, WNOHANG) != 0; };
  wait_until(has_ended, "the end of the shim");
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
      "i=$((i+1)); sleep 0.5; done; sleep 1000");
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

}  // namespace
}  // namespace flashpods::executors
