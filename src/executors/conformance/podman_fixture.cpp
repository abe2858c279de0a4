#include "executors/conformance/podman_fixture.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <map>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "executors/podman/podman_executor.h"
#include "executors/podman/run_command.h"
#include "process/child.h"

namespace flashpods::executors {

using namespace std::chrono_literals;

int status_of(std::vector<std::string> argv) {
  ChildOptions options;
  options.argv = std::move(argv);
  options.env = tool_environment();
  const auto child = start_child(options);
  int status = -1;
  if (child) ::waitpid(child->pid, &status, 0);
  return status;
}

std::string& podman_program() {
  static std::string program = "podman";
  return program;
}

namespace {

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

std::unique_ptr<jobs::Executor> make_podman(const SuiteParts& parts) {
  PodmanExecutorConfig config;
  config.settings.podman = podman_program();
  config.instance = parts.instance;
  config.shim_program = shim_program();
  config.most_shim_deaths = 6;
  return std::make_unique<PodmanExecutor>(
      std::move(config), PodmanExecutor::Parts{parts.executor, parts.runner, parts.pool,
                                               parts.timer, parts.tasks, parts.log});
}

/// From proc_pid_status(5); nothing if it has ended.
std::string parent_of(const std::string& process) {
  constexpr std::string_view kName = "\nPPid:\t";
  const auto text = read_file("/proc/" + process + "/status", 1 << 16).value_or("");
  const auto at = text.find(kName);
  if (at == std::string::npos) return "";
  const auto begin = at + kName.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

const ExecutorUnderTest& real_podman() {
  static const ExecutorUnderTest podman{"podman", kImage, unusable, make_podman};
  return podman;
}

void wait_until(const std::function<bool()>& condition, const std::string& what) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << what;
    ::usleep(5000);
  }
}

void wait_for_file(const std::filesystem::path& file) {
  wait_until([&] { return std::filesystem::exists(file); }, file);
}

void wait_until_no_process_names(const std::filesystem::path& path) {
  const auto is_named = [&path](const std::string& entry) {
    return read_file("/proc/" + entry + "/cmdline", 1 << 20).value_or("").contains(path.string());
  };
  wait_until([&] { return std::ranges::none_of(*list_directory("/proc"), is_named); }, path);
}

void wait_until_over(pid_t process) {
  const auto file = "/proc/" + std::to_string(process) + "/status";
  const auto is_over = [&file] {
    const auto status = read_file(file, 1 << 16).value_or("");
    return status.empty() || status.contains("State:\tZ");
  };
  wait_until(is_over, "the end of process " + std::to_string(process));
}

pid_t ShimTest::pid_in(const jobs::ContainerSpec& spec, const char* file) {
  const auto text = read_file(spec.directory / file, 100).value_or("");
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

// A child of it that has not called exec yet shows the same arguments.
pid_t ShimTest::shim_of(const jobs::ContainerSpec& spec) {
  std::map<std::string, std::string> parents;
  for (const auto& process : *list_directory("/proc")) {
    const auto words = read_file("/proc/" + process + "/cmdline", 4096).value_or("");
    const auto second = words.find('\0') + 1;
    if (words.contains("flashpods-shim") &&
        words.substr(second).starts_with(spec.directory.string() + '\0')) {
      parents[process] = parent_of(process);
    }
  }
  for (const auto& [process, parent] : parents) {
    if (!parents.contains(parent)) return std::stoi(process);
  }
  return 0;
}

void ShimTest::kill_process(pid_t process, int signal) {
  ASSERT_GT(process, 1);
  ASSERT_EQ(::kill(process, signal), 0);
}

}  // namespace flashpods::executors
