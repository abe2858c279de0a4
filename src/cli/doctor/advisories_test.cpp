#include "cli/doctor/advisories.h"

#include <gtest/gtest.h>

namespace flashpods::cli {
namespace {

Health health_of(const char* program, const char* version, const char* package = "") {
  const auto check = check_advisories(program, version, package);
  return check ? check->health : Health::kFail;
}

TEST(Advisories, UpstreamReleasesBelowAFixAreNamed) {
  for (const auto& [program, version] :
       {std::pair{"runc", "runc version 1.1.11\ncommit: v1.1.11-0-g4bccb38c"},
        std::pair{"runc", "runc version 1.1.12\nspec: 1.0.2-dev"}, std::pair{"runc", "1.2.7"},
        std::pair{"runc", "1.3.2"}, std::pair{"crun", "crun version 1.8.1\ncommit: f8a096be06"},
        std::pair{"crun", "crun version 1.19.1"}, std::pair{"podman", "4.3.1"},
        std::pair{"podman", "4.9.3"}, std::pair{"podman", "5.0.0"}, std::pair{"podman", "5.2.4"},
        std::pair{"podman", "5.6.0"}, std::pair{"slirp4netns", "slirp4netns version 1.1.7"},
        std::pair{"libslirp", "4.3.1"}, std::pair{"libslirp", "4.5.0"}}) {
    EXPECT_EQ(health_of(program, version), Health::kWarn) << program << ' ' << version;
  }
}

TEST(Advisories, UpstreamReleasesWithAllFixesAreWell) {
  for (const auto& [program, version] :
       {std::pair{"runc", "runc version 1.2.8"}, std::pair{"runc", "1.3.3"},
        std::pair{"runc", "1.4.0"}, std::pair{"runc", "1.5.1"}, std::pair{"runc", "2.0.0"},
        std::pair{"crun", "crun version 1.20"}, std::pair{"crun", "1.21.0"},
        std::pair{"podman", "5.6.1"}, std::pair{"podman", "6.0.0"},
        std::pair{"slirp4netns", "slirp4netns version 1.2.0"}, std::pair{"libslirp", "4.7.0"}}) {
    EXPECT_EQ(health_of(program, version), Health::kOk) << program << ' ' << version;
  }
}

// Debian 12 mended CVE-2024-21626 in its 1.1.5; what it did about later ones we do not know.
TEST(Advisories, ADistributionsPackageMayBeMended) {
  const auto check = check_advisories("runc", "runc version 1.1.5+ds1", "1.1.5+ds1-1+deb12u1");
  ASSERT_TRUE(check);
  EXPECT_EQ(check->health, Health::kUnknown);
  EXPECT_FALSE(check->detail.contains("CVE-2024-21626")) << check->detail;
  EXPECT_TRUE(check->detail.contains("CVE-2025-31133")) << check->detail;
  EXPECT_TRUE(check->detail.contains("your distribution may have patched it")) << check->detail;
  EXPECT_TRUE(check->fix.empty());
  const auto later = check_advisories("runc", "1.1.5+ds1", "1.1.5+ds1-1+deb12u10");
  EXPECT_FALSE(later->detail.contains("CVE-2024-21626")) << later->detail;
}

TEST(Advisories, APackageWithoutSecurityUpdatesIsNot) {
  const auto check = check_advisories("runc", "runc version 1.1.5+ds1", "1.1.5+ds1-1");
  ASSERT_TRUE(check);
  EXPECT_EQ(check->health, Health::kWarn);
  EXPECT_TRUE(check->detail.contains("CVE-2024-21626 in 1.1.12")) << check->detail;
  EXPECT_TRUE(check->detail.contains("in 1.2.8, 1.3.3, 1.4.0")) << check->detail;
  EXPECT_EQ(check->fix, "upgrade runc");
}

TEST(Advisories, NothingIsSaidOfWhatIsNotKnown) {
  EXPECT_FALSE(check_advisories("youki", "0.3.0", ""));
  EXPECT_FALSE(check_advisories("runc", "", ""));
  EXPECT_FALSE(check_advisories("runc", "none", ""));
}

}  // namespace
}  // namespace flashpods::cli
