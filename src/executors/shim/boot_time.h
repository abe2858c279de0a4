#pragma once

#include <string>

#include "base/clock.h"

namespace flashpods::shim {

/// A moment counted from the start of the machine, suspended time included: what a deadline is
/// measured by, so that no clock step moves it. Means nothing after a reboot.
struct BootTime {
  std::string boot;  ///< /proc/sys/kernel/random/boot_id
  Milliseconds since_boot{0};
};

/// CLOCK_BOOTTIME now.
[[nodiscard]] Milliseconds since_boot();

[[nodiscard]] BootTime boot_time();

}  // namespace flashpods::shim
