#include "executors/podman/run_command.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace flashpods::podman {
namespace {

jobs::ContainerSpec worker() {
  jobs::ContainerSpec spec;
  spec.job_id = "job_abcdefghijklmnop";
  spec.instance = "0123";
  spec.image = "debian";
  spec.command = "make; echo 'it''s' $HOME";
  spec.env = {{"TOKEN", "secret"}};
  spec.directory = "/state/jobs/job_abcdefghijklmnop";
  return spec;
}

std::string lines(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (word.starts_with('-') ? "\n" : " ") + word;
  return text;
}

TEST(RunCommand, OfAWorker) {
  EXPECT_EQ(lines(run_command(worker(), {}, "debian", "")), R"( podman
--conmon /state/jobs/job_abcdefghijklmnop/conmon run
-d
--name job_abcdefghijklmnop
--label flashpods-job=true
--label flashpods-job-id=job_abcdefghijklmnop
--label flashpods-job-type=worker
--label flashpods-instance=0123
--cpus 2
--memory 4g
--pids-limit 2048
--shm-size 64m
--userns=keep-id
--network=slirp4netns
--security-opt no-new-privileges
--cap-drop ALL
--no-healthcheck
--image-volume=ignore
--http-proxy=false
--pull=never
--hostname job-abcdefghijklmnop
--no-hosts
-v /state/jobs/job_abcdefghijklmnop/hosts:/etc/hosts:ro
--dns 10.0.2.3
--dns-search .
-v /state/jobs/job_abcdefghijklmnop/work:/work:ro
-v /state/jobs/job_abcdefghijklmnop/artifacts:/artifacts:rw
-v /state/jobs/job_abcdefghijklmnop/scratch:/tmp/flashpods:rw
--log-driver=passthrough
--init
--cidfile /state/jobs/job_abcdefghijklmnop/container.id
--pidfile /state/jobs/job_abcdefghijklmnop/container.pid
--conmon-pidfile /state/jobs/job_abcdefghijklmnop/conmon.pid
--workdir /work
--entrypoint=
-- debian /bin/sh
-c make; echo 'it''s' $HOME)");
}

TEST(RunCommand, OfAnAgent) {
  auto spec = worker();
  spec.type = jobs::JobType::kAgent;
  spec.workspace = jobs::Workspace::kReadWrite;
  spec.network = jobs::Network::kNone;
  PodmanSettings settings;
  settings.sockets = {{"/run/a.sock", "/run/spire/sockets/agent.sock"}};
  settings.user = "1000:1001";
  const auto text = lines(run_command(spec, settings, "flashpods/agent", "runc"));
  EXPECT_TRUE(text.contains("\n--user 1000:1001\n")) << text;
  EXPECT_TRUE(text.contains("\n--runtime runc run\n")) << text;
  EXPECT_TRUE(text.contains("flashpods-job-type=agent"));
  EXPECT_TRUE(text.contains("\n--network=none\n"));
  EXPECT_FALSE(text.contains("--dns"));
  EXPECT_TRUE(text.contains("/work:/work:O\n"));
  EXPECT_TRUE(text.contains("\n-v /run/a.sock:/run/spire/sockets/agent.sock:ro\n"));
  EXPECT_TRUE(text.ends_with("\n-- flashpods/agent /entrypoint.sh")) << text;
  EXPECT_FALSE(text.contains(kPrivateDirectory));
}

TEST(RunCommand, AReadOnlyRootHasWritablePlacesOfTheJobsDisk) {
  auto spec = worker();
  EXPECT_FALSE(lines(run_command(spec, {}, "debian", "")).contains("--read-only"));
  spec.read_only_root = true;
  const auto text = lines(run_command(spec, {}, "debian", ""));
  EXPECT_TRUE(text.contains("\n--read-only\n--read-only-tmpfs=false\n")) << text;
  const auto names = scratch_directories();
  for (const std::string place : {"/tmp", "/var/tmp", "/run"}) {
    const auto end = text.find(':' + place + ":rw\n");
    ASSERT_NE(end, std::string::npos) << place;
    const auto begin = text.rfind('/', end) + 1;
    EXPECT_TRUE(text.substr(0, begin).ends_with("/scratch/")) << text;
    EXPECT_EQ(std::ranges::count(names, text.substr(begin, end - begin)), 1) << place;
  }
}

TEST(RunCommand, NamedResolversReplaceTheHosts) {
  PodmanSettings settings;
  settings.dns = {"1.1.1.1", "9.9.9.9"};
  const auto text = lines(run_command(worker(), settings, "debian", ""));
  EXPECT_TRUE(text.contains("\n--dns 1.1.1.1\n--dns 9.9.9.9\n--dns-search .\n")) << text;
  EXPECT_FALSE(text.contains("10.0.2.3"));
}

TEST(RunCommand, APullIsGuardedInPodmansUserNamespace) {
  PodmanSettings settings;
  settings.private_registries = {"nas.lan:5000"};
  EXPECT_EQ(lines(guarded_pull_command(settings, "/shim", "quay.io/a", true)),
            " podman unshare /shim\n--guarded-pull nas.lan:5000\n-- podman pull\n--quiet\n-- "
            "quay.io/a");
  EXPECT_TRUE(
      lines(guarded_pull_command(settings, "/shim", "quay.io/a", false)).starts_with(" /shim\n"));
}

TEST(RunCommand, NoValueOfTheEnvironmentIsAWord) {
  for (const auto& word : run_command(worker(), {}, "debian", "")) {
    EXPECT_FALSE(word.contains("secret"));
  }
}

TEST(ContainerEnvironment, TheRequestWinsOverWhatWorkersGet) {
  auto spec = worker();
  spec.env["HOME"] = "/mine";
  const auto env = container_environment(spec);
  EXPECT_EQ(env.at("HOME"), "/mine");
  EXPECT_EQ(env.at("TMPDIR"), "/tmp/flashpods/tmp");
  EXPECT_EQ(env.at("TOKEN"), "secret");
  spec.type = jobs::JobType::kAgent;
  EXPECT_FALSE(container_environment(spec).contains("TMPDIR"));
}

}  // namespace
}  // namespace flashpods::podman
