#include "executors/shim/run_shim.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>

#include "base/files.h"
#include "executors/shim/job_files.h"
#include "executors/shim/supervisor.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kMostRecord = 64 * 1024 * 1024;

int complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  return EXIT_FAILURE;
}

Fd take_lock(const std::filesystem::path& directory) {
  Fd lock(::open((directory / kLockFile).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) lock.reset();
  return lock;
}

Result<JobRecord> read_job(const std::filesystem::path& directory) {
  const auto text = read_file(directory / kSpecFile, kMostRecord);
  if (!text) return std::unexpected(text.error());
  auto job = parse_job(*text);
  if (job) job->spec.directory = directory;
  return job;
}

Result<OutputPump> open_output(const JobRecord& job, const Clock& clock) {
  auto log = logs::LogWriter::open(job.spec.log_file, job.spec.max_log_bytes);
  if (!log) return std::unexpected(log.error());
  return OutputPump::open(job.spec.directory, std::move(*log), clock);
}

}  // namespace

int run_shim(const std::filesystem::path& directory, Fd control_socket) {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  const Fd lock = take_lock(directory);
  if (!lock) return EXIT_SUCCESS;
  const auto job = read_job(directory);
  if (!job) return complain(job.error());
  const SystemClock clock;
  auto output = open_output(*job, clock);
  if (!output) return complain(output.error());
  PollLoop loop;
  Children children;
  Children::become_subreaper();
  StopRequest stop(directory / kStopFile, clock);
  ControlServer control(loop, [&stop] { stop.make(jobs::EndCause::kCancelled); });
  control.listen(directory);
  if (control_socket) control.adopt(std::move(control_socket));
  PodmanTool tool(loop, children);
  PodmanCalls podman(*job, tool);
  Supervisor supervisor({*job, loop, children, tool, podman, *output, control, stop, clock});
  supervisor.run_to_exit();
  supervisor.remove_container();
  return EXIT_SUCCESS;
}

}  // namespace flashpods::shim
