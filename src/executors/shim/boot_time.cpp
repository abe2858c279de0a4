#include "executors/shim/boot_time.h"

#include <time.h>

#include "base/files.h"

namespace flashpods::shim {

Milliseconds since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return Seconds(now.tv_sec) + Milliseconds(now.tv_nsec / 1'000'000);
}

BootTime boot_time() {
  auto id = read_file("/proc/sys/kernel/random/boot_id", 100);
  if (id && id->ends_with('\n')) id->pop_back();
  return {id.value_or("unknown"), since_boot()};
}

}  // namespace flashpods::shim
