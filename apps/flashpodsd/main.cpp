// flashpodsd: the daemon. Only wiring; start reading at daemon/daemon.h.

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "daemon/daemon.h"
#include "daemon/options.h"
#include "uploads/rsync_hook.h"

namespace {

using namespace flashpods;

/// Our own programs lie beside each other.
daemon::Programs find_programs() {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  return {self, self.parent_path() / "flashpods-shim"};
}

/// Neither a core dump nor another process of this user shows our memory. A sanitizer's leak check
/// at exit attaches as a debugger; by then there is nothing left to hide.
void hide_memory() {
  ::prctl(PR_SET_DUMPABLE, 0);
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
  std::atexit([] { ::prctl(PR_SET_DUMPABLE, 1); });
#endif
}

#if FLASHPODS_FAILPOINTS
int print_failpoints() {
  for (const auto name : kFailpoints) std::cout << name << '\n';
  return 0;
}
#endif

/// Connections, jobs and the database's files together need more than the usual soft limit of 1024.
void allow_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int report(const Error& error) {
  std::cerr << "flashpodsd: " << error.message << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // rsync runs us once a transfer; this must come before anything else is set up.
  if (argc == 2 && std::string_view{argv[1]} == "--rsync-hook") {
    return uploads::run_rsync_hook(uploads::kHookDescriptor, environ);
  }
#if FLASHPODS_FAILPOINTS
  if (argc == 2 && std::string_view{argv[1]} == "--list-failpoints") return print_failpoints();
#endif
  if (auto sound = check_failpoint_wish(); !sound) return report(sound.error());
  const daemon::Options options = daemon::parse_options(argc, argv);
  if (options.mode == daemon::Options::Mode::kPrinted) return options.exit_code;
  if (options.mode == daemon::Options::Mode::kPrintConfig) {
    std::cout << daemon::print_defaults();
    return 0;
  }
  auto config = daemon::configure(options);
  if (!config) return report(config.error());
  if (options.mode == daemon::Options::Mode::kCheckConfig) {
    std::cout << "The configuration is right.\n";
    return 0;
  }
  hide_memory();
  allow_all_descriptors();
  return daemon::serve(std::move(*config), find_programs());
}
