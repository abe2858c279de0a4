#include "process/exec_plan.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <climits>

#include "process/find_program.h"
#include "process/platform.h"

namespace flashpods {

namespace {

constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

std::string search_path(const ChildOptions& options) {
  const auto path = options.env.find("PATH");
  return path == options.env.end() ? kDefaultPath : path->second;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<int> target_numbers(const ChildOptions& options) {
  std::vector<int> targets{0, 1, 2};
  for (const auto& [source, target] : options.descriptors) targets.push_back(target);
  std::ranges::sort(targets);
  const auto repeated = std::ranges::unique(targets);
  targets.erase(repeated.begin(), repeated.end());
  return targets;
}

void reset_signals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

int open_null(int target) {
  const int fd = ::open("/dev/null", O_RDWR);
  if (fd < 0) return errno;
  if (fd == target) return 0;
  const int error = ::dup2(fd, target) < 0 ? errno : 0;
  ::close(fd);
  return error;
}

}  // namespace

Result<ExecPlan> ExecPlan::make(const ChildOptions& options) {
  ExecPlan plan(options);
  if (options.argv.empty()) {
    return fail(ErrorKind::kInternal, "empty_command", "There is no program to run.");
  }
  auto program = find_program(options.argv[0], search_path(options));
  if (!program) return std::unexpected(program.error());
  plan.program_ = std::move(*program);
  for (const auto& [name, value] : options.env) plan.variables_.push_back(name + '=' + value);
  plan.argv_ = pointers(options.argv);
  plan.envp_ = pointers(plan.variables_);
  plan.targets_ = target_numbers(options);
  plan.sources_.resize(options.descriptors.size());
  return plan;
}

// Sources first move above every target, so that no dup2 overwrites one that is still needed.
int ExecPlan::place_descriptors(int& error_pipe) const {
  const int above = targets_.back() + 1;
  error_pipe = ::fcntl(error_pipe, F_DUPFD_CLOEXEC, above);
  if (error_pipe < 0) return errno;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    sources_[i] = ::fcntl(options_.descriptors[i].first, F_DUPFD_CLOEXEC, above);
    if (sources_[i] < 0) return errno;
  }
  for (const int standard : {0, 1, 2}) {
    if (const int error = open_null(standard); error != 0) return error;
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (::dup2(sources_[i], options_.descriptors[i].second) < 0) return errno;
  }
  return 0;
}

void ExecPlan::close_others(int error_pipe) const {
  int next = 0;
  for (const int target : targets_) {
    close_descriptors(next, target - 1);
    next = target + 1;
  }
  close_descriptors(next, error_pipe - 1);
  close_descriptors(error_pipe + 1, INT_MAX);
}

int ExecPlan::prepare(int& error_pipe) const {
  if (options_.new_session) {
    if (::setsid() < 0) return errno;
  } else if (::setpgid(0, 0) != 0) {
    return errno;
  }
  if (const int error = place_descriptors(error_pipe); error != 0) return error;
  reset_signals();
  return ::chdir(options_.working_directory.c_str()) == 0 ? 0 : errno;
}

void ExecPlan::carry_out(int error_pipe) const {
  ExecFailure failure;
  failure.error_number = prepare(error_pipe);
  if (failure.error_number == 0 && options_.before_exec) {
    failure.error_number = options_.before_exec();
    failure.before_exec = failure.error_number != 0 ? 1 : 0;
  }
  if (failure.error_number == 0) {
    close_others(error_pipe);
    ::execve(program_.c_str(), argv_.data(), envp_.data());
    failure.error_number = errno;
  }
  [[maybe_unused]] const auto told = ::write(error_pipe, &failure, sizeof failure);
  ::_exit(127);
}

}  // namespace flashpods
