#include "executors/shim/output_keeper.h"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "executors/shim/job_files.h"
#include "process/platform.h"

namespace flashpods::shim {

namespace {

/// Between two looks where the user has no inotify instance left.
constexpr int kLookMs = 1000;

/// Not once nobody can open what it holds: the job's directory is being removed. (Its own end is
/// told to nobody who has a file of it open, as we do.)
bool is_needed(const std::filesystem::path& directory) {
  std::error_code ignored;
  return std::filesystem::exists(directory / kStdoutFifo, ignored) &&
         !std::filesystem::exists(directory / kExitFile, ignored);
}

void wait_for_change(int changes) {
  pollfd event{changes, POLLIN, 0};
  ::poll(&event, 1, changes < 0 ? kLookMs : -1);
  std::array<char, 4096> names;
  if (changes >= 0) [[maybe_unused]]
    const auto read = ::read(changes, names.data(), names.size());
}

/// Held for as long as the keeper lives; the lock is not released otherwise.
Fd take_keeper_lock(const std::filesystem::path& directory) {
  const auto file = directory / kKeeperLockFile;
  Fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) lock.reset();
  return lock;
}

/// Closes all descriptors but two, of which `first` is the lower. What was inherited may be the
/// job's output, and the last that holds it: the two must be open by now. The job's FIFO as stderr
/// would make this a process of its container (job_processes.h).
void close_others(int first, int second) {
  close_descriptors(0, first - 1);
  close_descriptors(first + 1, second - 1);
  close_descriptors(second + 1, std::numeric_limits<int>::max());
  for (int standard = 0; standard <= STDERR_FILENO; ++standard) {
    if (standard != first && standard != second) ::open("/dev/null", O_RDWR);
  }
}

}  // namespace

void start_output_keeper(const std::filesystem::path& directory) {
  if (::fork() != 0) return;  // without it, only the death of everybody else costs output
  ::setsid();  // whoever waits for podman's process group does not wait for the keeper
  const char* const arguments[] = {kOutputKeeper, directory.c_str(), nullptr};
  ::execv("/proc/self/exe", const_cast<char* const*>(arguments));
  ::_exit(EXIT_FAILURE);
}

int run_output_keeper(const std::filesystem::path& directory) {
  const auto out = open_fifo(directory / kStdoutFifo);
  const auto err = open_fifo(directory / kStderrFifo);
  if (!out || !err) return EXIT_FAILURE;
  close_others(out->get(), err->get());
  const Fd lock = take_keeper_lock(directory);
  if (!lock) return EXIT_FAILURE;
  Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const auto watched = IN_MOVED_TO | IN_DELETE | IN_MOVE_SELF;
  if (::inotify_add_watch(changes.get(), directory.c_str(), watched) < 0) changes.reset();
  while (is_needed(directory)) wait_for_change(changes.get());
  return EXIT_SUCCESS;
}

}  // namespace flashpods::shim
