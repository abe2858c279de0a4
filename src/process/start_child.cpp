#include <cerrno>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/child.h"
#include "process/exec_plan.h"
#include "process/platform.h"

namespace flashpods {

namespace {

/// No handler of ours may run in the child before it has reset them.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

pid_t fork_child(const ExecPlan& plan, int error_pipe) {
  const AllSignalsBlocked guard;
  const pid_t pid = ::fork();
  if (pid == 0) plan.carry_out(error_pipe);
  return pid;
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Error describe(const ExecFailure& failure, const std::string& program) {
  if (failure.before_exec != 0) {
    return errno_error(failure.error_number, "cannot prepare to run '" + program + "'");
  }
  auto error = errno_error(failure.error_number, "cannot run '" + program + "'");
  if (failure.error_number == ENOENT || failure.error_number == EACCES) {
    error.kind = ErrorKind::kUnavailable;
    error.code = "command_not_found";
  }
  return error;
}

/// Nothing if exec worked: the pipe then closed without a word.
bool read_failure(int pipe, ExecFailure& failure) {
  ssize_t got = 0;
  do {
    got = ::read(pipe, &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  return got == sizeof failure;
}

}  // namespace

Result<Child> start_child(const ChildOptions& options) {
  const auto plan = ExecPlan::make(options);
  if (!plan) return std::unexpected(plan.error());
  auto pipe = open_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  const pid_t pid = fork_child(*plan, (*pipe)[1].get());
  if (pid < 0) return std::unexpected(errno_error("cannot fork"));
  (*pipe)[1].reset();
  if (ExecFailure failure; read_failure((*pipe)[0].get(), failure)) {
    reap(pid);
    return std::unexpected(describe(failure, options.argv[0]));
  }
  auto handle = open_process_handle(pid);
  if (!handle) {
    ::kill(pid, SIGKILL);
    reap(pid);
    return std::unexpected(handle.error());
  }
  return Child{pid, std::move(*handle)};
}

}  // namespace flashpods
