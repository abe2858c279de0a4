#include "artifacts/name.h"

#include <string>

#include <gtest/gtest.h>

namespace flashpods::artifacts {
namespace {

using namespace std::string_literals;

TEST(ArtifactName, AcceptsFileNames) {
  for (const auto& name : {"myapp"s, "build.log"s, "report-2026-01-21.pdf"s, "."s + "hidden",
                           "a b"s, "-rf"s, "größe.txt"s, "日本"s, std::string(255, 'x')}) {
    EXPECT_TRUE(validate_artifact_name(name)) << name;
  }
}

TEST(ArtifactName, RejectsWhatIsNotAPlainFileName) {
  for (const auto& name : {""s,
                           "  "s,
                           " a"s,
                           "a "s,
                           "\ta"s,
                           "a\n"s,
                           "a/b"s,
                           "a\\b"s,
                           ".."s,
                           "a..b"s,
                           "../x"s,
                           "."s,
                           "/etc/passwd"s,
                           "a\0b"s,
                           "a\nb"s,
                           "a\x1b[31m"s,
                           "a\x7f"s,
                           "\xFF"s,
                           "a\xE2\x82"s,
                           "\xC2\xA0nbsp"s,
                           "ideographic\xE3\x80\x80"s,
                           "csi\xC2\x9B"s,
                           "txt\xE2\x80\xAE"s + "exe",
                           std::string(256, 'x')}) {
    const auto valid = validate_artifact_name(name);
    ASSERT_FALSE(valid) << name;
    EXPECT_EQ(valid.error().code, "invalid_artifact_name");
    EXPECT_FALSE(valid.error().message.empty());
  }
}

TEST(ArtifactName, SaysWhatIsWrong) {
  EXPECT_EQ(validate_artifact_name("a/b").error().message, "the name contains a path separator");
  EXPECT_EQ(validate_artifact_name("a..b").error().message, "the name contains '..'");
}

}  // namespace
}  // namespace flashpods::artifacts
