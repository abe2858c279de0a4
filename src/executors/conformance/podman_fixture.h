#pragma once
// The real podman as an executor under test, and what tests of its shim look for.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "executors/conformance/executor_suite.h"

namespace flashpods::executors {

inline constexpr const char* kImage = "localhost/flashpods/busybox:latest";

/// Runs a program to its end and gives its wait status (wait(2)); -1 if it could not be started.
int status_of(std::vector<std::string> argv);

/// What jobs are run with: podman, or a test's script that stands before it.
std::string& podman_program();

const ExecutorUnderTest& real_podman();

/// Looks again and again; fails the test after a minute, and says then what it waited for.
void wait_until(const std::function<bool()>& condition, const std::string& what);
void wait_for_file(const std::filesystem::path& file);
void wait_until_no_process_names(const std::filesystem::path& path);
/// Gone, or only waiting for whoever its parent is by now.
void wait_until_over(pid_t process);

class ShimTest : public ExecutorSuite {
 protected:
  /// The job's shim; 0 if there is none.
  static pid_t shim_of(const jobs::ContainerSpec& spec);
  /// 0 if there is no such file.
  static pid_t pid_in(const jobs::ContainerSpec& spec, const char* file);
  /// Fails the test if there is no such process: kill(2) would take 0 for the whole group.
  static void kill_process(pid_t process, int signal = SIGKILL);
};

}  // namespace flashpods::executors
