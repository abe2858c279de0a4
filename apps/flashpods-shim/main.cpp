// flashpods-shim JOBDIR [CONTROL_FD]: owns one job's container until it is gone.
// Called as JOBDIR/conmon it is the step between podman and conmon; the OCI runtime calls it as the
// hook that prepares the container's namespaces; and it calls itself to count what a job has on
// disk and in epoll instances, to keep a job's output, and to guard the pull of an image.

#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "executors/podman/run_command.h"
#include "executors/shim/conmon_stage.h"
#include "executors/shim/container_hook.h"
#include "executors/shim/disk_use.h"
#include "executors/shim/epoll_counter.h"
#include "executors/shim/guarded_pull.h"
#include "executors/shim/output_keeper.h"
#include "executors/shim/run_shim.h"

namespace {

int descriptor(const char* text) {
  int fd = -1;
  std::from_chars(text, text + std::strlen(text), fd);
  return fd;
}

int usage() {
  std::fputs("usage: flashpods-shim JOBDIR [CONTROL_FD]\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace flashpods;
  const std::filesystem::path name = argc > 0 ? argv[0] : "";
  if (name.filename() == podman::kConmonStage) return shim::run_conmon_stage(argc, argv);
  if (name == shim::kContainerHook) return shim::run_container_hook({argv + 1, argv + argc});
  if (name == shim::kOutputKeeper && argc == 2) return shim::run_output_keeper(argv[1]);
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("flashpods-shim " FLASHPODS_VERSION);
    return 0;
  }
  if (argc > 2 && std::string_view(argv[1]) == shim::kDiskUseArgument) {
    return shim::run_disk_use({argv + 2, argv + argc});
  }
  if (argc > 2 && std::string_view(argv[1]) == shim::kEpollCounterArgument) {
    return shim::run_epoll_counter({argv + 2, argv + argc});
  }
  if (argc > 2 && std::string_view(argv[1]) == podman::kGuardedPullArgument) {
    return shim::run_guarded_pull({argv + 2, argv + argc});
  }
  if (argc < 2 || argc > 3 || argv[1][0] != '/') return usage();
  Fd control;
  if (argc == 3) control.reset(descriptor(argv[2]));
  return shim::run_shim(argv[1], std::move(control));
}
