#include "cli/doctor/advisories.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "cli/doctor/version_number.h"

namespace flashpods::cli {
namespace {

struct Advisory {
  std::string_view program;
  std::string_view names;
  /// The first mended release of each branch, oldest branch first. Later branches have the fix.
  std::array<VersionNumber, 3> fixed;
  std::string_view debian = {};  ///< a package version of Debian 12 that has the fix
};

// Sources: the projects' GitHub security advisories and release notes; the Debian security tracker.
constexpr std::array<Advisory, 9> kAdvisories{{
    {"runc", "CVE-2024-21626", {{{1, 1, 12}}}, "1.1.5+ds1-1+deb12u1"},
    {"runc", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", {{{1, 2, 8}, {1, 3, 3}, {1, 4, 0}}}},
    {"crun", "CVE-2025-24965", {{{1, 20, 0}}}},
    {"podman", "CVE-2024-1753", {{{4, 9, 4}, {5, 0, 1}}}},
    {"podman", "CVE-2024-9341, CVE-2024-9407, CVE-2024-9675, CVE-2024-9676", {{{5, 2, 5}}}},
    {"podman", "CVE-2025-9566", {{{5, 6, 1}}}},
    {"slirp4netns", "CVE-2020-29129", {{{1, 1, 8}}}},
    {"libslirp", "CVE-2020-29129, CVE-2020-29130", {{{4, 4, 0}}}},
    {"libslirp", "CVE-2021-3592, CVE-2021-3593, CVE-2021-3594, CVE-2021-3595", {{{4, 6, 0}}}},
}};

std::string to_text(const VersionNumber& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch);
}

bool is_given(const VersionNumber& version) { return version != VersionNumber{}; }

/// A release has a fix if its own branch (major.minor) got it, or if every branch that got it is
/// older.
bool has_fix(const VersionNumber& version, const Advisory& advisory) {
  VersionNumber newest;
  for (const auto& fixed : advisory.fixed) {
    if (!is_given(fixed)) continue;
    if (fixed.major == version.major && fixed.minor == version.minor) return version >= fixed;
    newest = fixed;
  }
  return version > newest;
}

/// Debian's and Ubuntu's security updates keep the upstream version: 1.1.5+ds1-1+deb12u1.
bool may_be_mended(std::string_view package) {
  return package.contains("+deb") || package.contains("ubuntu") || package.contains(".el");
}

/// The same package with the same or a later security update of Debian 12.
bool is_known_mended(std::string_view package, std::string_view mended) {
  constexpr std::string_view kUpdate = "+deb12u";
  const auto at = mended.find(kUpdate);
  if (at == std::string_view::npos || package.find(kUpdate) != at) return false;
  return package.substr(0, at) == mended.substr(0, at) && package.size() >= mended.size() &&
         (package.size() > mended.size() || package >= mended);
}

std::string fixes_of(const Advisory& advisory) {
  std::string text;
  for (const auto& fixed : advisory.fixed) {
    if (is_given(fixed)) text += (text.empty() ? "" : ", ") + to_text(fixed);
  }
  return text;
}

void add_fault(Check& check, const Advisory& advisory, bool may_have_fix) {
  const auto health = may_have_fix ? Health::kUnknown : Health::kWarn;
  if (check.health != Health::kWarn) check.health = health;
  check.detail += check.detail.contains(": ") ? "; " : ": ";
  check.detail += "upstream fixed " + std::string(advisory.names) + " in " + fixes_of(advisory);
}

}  // namespace

std::optional<Check> check_advisories(const std::string& program, std::string_view version,
                                      std::string_view package) {
  const auto number = find_version(version);
  const bool known =
      std::ranges::find(kAdvisories, program, &Advisory::program) != kAdvisories.end();
  if (!number || !known) return std::nullopt;
  Check check{program + "_advisories", program + " advisories", Health::kOk, to_text(*number)};
  if (!package.empty()) check.detail += " (package " + to_one_line(package, 60) + ")";
  const bool may_have_fix = may_be_mended(package);
  for (const auto& advisory : kAdvisories) {
    if (advisory.program != program || has_fix(*number, advisory)) continue;
    if (!is_known_mended(package, advisory.debian)) add_fault(check, advisory, may_have_fix);
  }
  if (check.health == Health::kOk) {
    check.detail += ": no hole is known to this release of Flashpods";
  } else if (check.health == Health::kUnknown) {
    check.detail += "; your distribution may have patched it: see its security tracker";
  } else {
    check.fix = "upgrade " + program;
  }
  return check;
}

}  // namespace flashpods::cli
