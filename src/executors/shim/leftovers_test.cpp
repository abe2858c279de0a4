#include "executors/shim/leftovers.h"

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

constexpr const char* kJob = "job_aaaaaaaaaaaaaaaa";

TEST(Leftovers, AContainerHasItsJobsDirectoriesMounted) {
  EXPECT_TRUE(
      has_mounted("601 590 0:90 / /proc rw - proc proc rw\n"
                  "612 590 254:0 /home/f/jobs/job_aaaaaaaaaaaaaaaa/artifacts /artifacts rw - ext4 "
                  "/dev/vda rw\n",
                  kJob));
}

// Where podman mounts a job's writable copy, every container of the user begins.
TEST(Leftovers, WhoOnlySeesItsOverlayIsAnother) {
  EXPECT_FALSE(
      has_mounted("601 590 0:90 / /c/overlay/merge rw - overlay overlay "
                  "rw,lowerdir=/home/f/jobs/job_aaaaaaaaaaaaaaaa/work,upperdir=/c/upper\n"
                  "612 590 254:0 /home/f/jobs/job_bbbbbbbbbbbbbbbb/artifacts /artifacts rw - ext4 "
                  "/dev/vda rw\n",
                  kJob));
  EXPECT_FALSE(has_mounted("", kJob));
}

}  // namespace
}  // namespace flashpods::shim
