#include "cli/doctor/rsync_checks.h"

#include "cli/doctor/version_number.h"

namespace flashpods::cli {
namespace {

constexpr VersionNumber kOldest{3, 2, 0};
// Before it: CVE-2024-12084 and others, and CVE-2026-43619 (a race on symlinks in the daemon).
constexpr VersionNumber kMended{3, 4, 3};

std::string to_text(const VersionNumber& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch);
}

// Debian's and Ubuntu's security updates keep the upstream version: 3.2.7-1+deb12u2.
bool has_security_updates(std::string_view packaged) {
  return packaged.contains("+deb") || packaged.contains("ubuntu");
}

}  // namespace

Check check_rsync(std::string_view version_output, std::string_view packaged) {
  const auto version = find_version(version_output);
  if (!version) {
    return {"rsync", "rsync", Health::kFail, "not installed", "apt-get install rsync"};
  }
  Check check{"rsync", "rsync", Health::kOk, to_text(*version)};
  if (*version >= kMended) return check;
  if (*version < kOldest) {
    check.health = Health::kFail;
    check.detail += " is too old; 3.2 is needed";
    check.fix = "upgrade rsync";
  } else if (has_security_updates(packaged)) {
    check.detail += " with the distribution's security updates (" + std::string{packaged} + ")";
  } else {
    check.health = Health::kWarn;
    check.detail +=
        " has known holes (CVE-2024-12084, CVE-2026-43619 and others); 3.4.3 has none "
        "of them";
    check.fix = "apt-get install --only-upgrade rsync";
  }
  return check;
}

}  // namespace flashpods::cli
