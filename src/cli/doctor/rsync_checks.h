#pragma once

#include <string_view>

#include "cli/doctor/check.h"

namespace flashpods::cli {

/// Judges `rsync --version`. `packaged` is the distribution's package version
/// ("3.2.7-1+deb12u2"), empty if unknown: distributions mend old versions. Pure.
[[nodiscard]] Check check_rsync(std::string_view version_output, std::string_view packaged);

}  // namespace flashpods::cli
