#include "executors/shim/output_keeper.h"

#include <array>
#include <cstdlib>
#include <limits>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
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

void keep_output(const std::filesystem::path& directory) {
  ::setsid();  // whoever waits for podman's process group does not wait for us
  ::prctl(PR_SET_NAME, "output-keeper");
  ::close(STDIN_FILENO);
  close_descriptors(STDERR_FILENO + 1, std::numeric_limits<int>::max());
  Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const auto watched = IN_MOVED_TO | IN_DELETE | IN_MOVE_SELF;
  if (::inotify_add_watch(changes.get(), directory.c_str(), watched) < 0) changes.reset();
  while (is_needed(directory)) wait_for_change(changes.get());
}

}  // namespace

void start_output_keeper(const std::filesystem::path& directory) {
  if (::fork() != 0) return;  // without it, only the death of everybody else costs output
  keep_output(directory);
  ::_exit(EXIT_SUCCESS);
}

}  // namespace flashpods::shim
