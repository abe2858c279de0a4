#pragma once
// Releases of the programs around a container that have published holes by which a container, an
// image or a registry gets at the host.

#include <optional>
#include <string>
#include <string_view>

#include "cli/doctor/check.h"

namespace flashpods::cli {

/// Judges one release of `program` (runc, crun, podman, slirp4netns, libslirp) by the advisories
/// that this release of Flashpods knows. `version` is what the program says of itself; `package` is
/// the distribution's package version ("1.1.5+ds1-1+deb12u1"), empty if unknown.
///
/// kOk: nothing known, or the distribution is known to have mended it. kUnknown: below upstream's
/// fix, but the distribution mends old versions and may have. kWarn: below upstream's fix. Nothing
/// for another program, or if `version` has no number. Pure.
[[nodiscard]] std::optional<Check> check_advisories(const std::string& program,
                                                    std::string_view version,
                                                    std::string_view package);

}  // namespace flashpods::cli
