#include "artifacts/artifact_file.h"

#include <gtest/gtest.h>

#include "artifacts/artifact_test_support.h"

namespace flashpods::artifacts {
namespace {

TEST(OpenArtifact, OpensAFileOfTheJob) {
  const TestJob job;
  job.write("app", "x");
  EXPECT_TRUE(open_artifact(job.source(), "app"));
}

TEST(OpenArtifact, NeverLeavesTheDirectory) {
  const TestJob job;
  job.write("dir/file", "x");
  std::ofstream{job.root() / "job" / "secret"} << "x";
  job.link("../secret", "link");
  for (const auto* name : {"../secret", "dir/file", "..", ".", "", "/etc/passwd"}) {
    EXPECT_EQ(open_artifact(job.source(), name).error().code, "invalid_artifact_name") << name;
  }
  for (const auto* name : {"link", "dir", "missing"}) {
    EXPECT_EQ(open_artifact(job.source(), name).error().code, "artifact_not_found") << name;
  }
  EXPECT_EQ(open_artifact(job.root() / "gone", "x").error().code, "artifact_not_found");
}

}  // namespace
}  // namespace flashpods::artifacts
