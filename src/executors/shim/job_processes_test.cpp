#include "executors/shim/job_processes.h"

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

using namespace std::string_view_literals;

constexpr const char* kJob = "job_aaaaaaaaaaaaaaaa";

TEST(JobProcesses, ConmonIsNamedAfterItsJobsDirectory) {
  EXPECT_EQ(job_in_arguments("/home/f/jobs/job_aaaaaaaaaaaaaaaa/conmon\0-c\0id\0"sv), kJob);
  EXPECT_EQ(job_in_arguments("/usr/bin/conmon\0-c\0id\0"sv), std::nullopt);
  EXPECT_EQ(job_in_arguments("/home/f/jobs/other/conmon\0"sv), std::nullopt);
  EXPECT_EQ(job_in_arguments("flashpods-output-keeper\0/home/f/jobs/job_aaaaaaaaaaaaaaaa\0"sv),
            kJob);
  EXPECT_EQ(job_in_arguments("flashpods-output-keeper"), std::nullopt);
  EXPECT_EQ(job_in_arguments(""), std::nullopt);
}

TEST(JobProcesses, PodmanNamesTheJobThatItStarts) {
  EXPECT_EQ(job_in_arguments("podman\0run\0-d\0--name\0job_aaaaaaaaaaaaaaaa\0--init\0"sv), kJob);
  EXPECT_EQ(job_in_arguments("podman\0rm\0--force\0--\0job_aaaaaaaaaaaaaaaa\0"sv), std::nullopt);
  EXPECT_EQ(job_in_arguments("podman\0run\0--name"sv), std::nullopt);
}

TEST(JobProcesses, TheRuntimeHasTheJobsFifoAsStderr) {
  EXPECT_EQ(job_of_fifo("/home/f/jobs/job_aaaaaaaaaaaaaaaa/stderr.fifo"), kJob);
  EXPECT_EQ(job_of_fifo("/job_aaaaaaaaaaaaaaaa/stderr.fifo"), kJob);
  EXPECT_EQ(job_of_fifo("/job_aaaaaaaaaaaaaaaa/stderr.fifo (deleted)"), kJob);
  EXPECT_EQ(job_of_fifo("/job_aaaaaaaaaaaaaaaa/other"), std::nullopt);
  EXPECT_EQ(job_of_fifo("stderr.fifo"), std::nullopt);
  EXPECT_EQ(job_of_fifo("/dev/null"), std::nullopt);
}

TEST(JobProcesses, AContainerHasItsJobsDirectoriesMounted) {
  EXPECT_EQ(job_in_mounts(
                "601 590 0:90 / /proc rw - proc proc rw\n"
                "612 590 254:0 /home/f/jobs/job_aaaaaaaaaaaaaaaa/artifacts /artifacts rw - ext4 "
                "/dev/vda rw\n"),
            kJob);
  EXPECT_EQ(job_in_mounts("612 590 254:0 /jobs/job_aaaaaaaaaaaaaaaa/artifacts//deleted /artifacts "
                          "rw - ext4 /dev/vda rw\n"),
            kJob);
}

// Where podman mounts a job's writable copy, every container of the user begins.
TEST(JobProcesses, AProcessThatOnlySeesAnOverlayIsOfNoJob) {
  EXPECT_EQ(job_in_mounts("601 590 0:90 / /c/overlay/merge rw - overlay overlay "
                          "rw,lowerdir=/home/f/jobs/job_aaaaaaaaaaaaaaaa/work,upperdir=/c/upper\n"),
            std::nullopt);
  EXPECT_EQ(job_in_mounts(""), std::nullopt);
}

}  // namespace
}  // namespace flashpods::shim
