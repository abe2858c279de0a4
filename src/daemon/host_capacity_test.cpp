#include "daemon/host_capacity.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"

namespace flashpods::daemon {
namespace {

constexpr auto kGigabyte = std::int64_t{1} << 30;

/// A host in a directory. What it does not limit is what this machine has.
class HostCapacity : public testing::Test {
 private:
  TemporaryDirectory root_;

 protected:
  void write(std::string_view path, std::string_view text) {
    const auto file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void member_of(std::string_view groups) { write("proc/self/cgroup", groups); }
  [[nodiscard]] jobs::Resources capacity() const { return host_capacity(root_.path()); }

  const jobs::Resources everything_ = host_capacity(root_.path());
};

TEST_F(HostCapacity, IsAllThereIsWithoutAGroup) {
  EXPECT_GE(everything_.cpus, 1);
  EXPECT_GE(everything_.memory_gb, 1);
}

TEST_F(HostCapacity, IsLimitedByTheGroupAndThoseAboveIt) {
  member_of("0::/a/b\n");
  write("sys/fs/cgroup/a/cpu.max", "100000 100000\n");
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/a/memory.max", "max\n");
  write("sys/fs/cgroup/a/b/memory.max", std::to_string(kGigabyte) + '\n');
  EXPECT_EQ(capacity().cpus, 1);
  EXPECT_EQ(capacity().memory_gb, 1);
}

TEST_F(HostCapacity, IsLimitedByGroupsOfTheFirstVersion) {
  member_of("5:memory:/job\n4:cpu,cpuacct:/job\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "150000\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", std::to_string(kGigabyte) + '\n');
  EXPECT_EQ(capacity().cpus, 1);
  EXPECT_EQ(capacity().memory_gb, 1);
}

TEST_F(HostCapacity, IsLimitedByTheFirstVersionWhereTheSecondIsEmptyBesideIt) {
  member_of("4:memory,cpu:/job\n0::/\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "100000\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", std::to_string(kGigabyte) + '\n');
  EXPECT_EQ(capacity().cpus, 1);
  EXPECT_EQ(capacity().memory_gb, 1);
}

TEST_F(HostCapacity, IsWhatThereIsWhereALimitMeansNone) {
  member_of("4:memory:/job\n3:cpu:/job\n0::/job\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/job/memory.max", "max\n");
  EXPECT_EQ(capacity().cpus, everything_.cpus);
  EXPECT_EQ(capacity().memory_gb, everything_.memory_gb);
}

TEST_F(HostCapacity, IsNeverNothing) {
  member_of("0::/job\n");
  write("sys/fs/cgroup/job/cpu.max", "1000 100000\n");
  write("sys/fs/cgroup/job/memory.max", "1048576\n");
  EXPECT_EQ(capacity().cpus, 1);
  EXPECT_EQ(capacity().memory_gb, 1);
}

}  // namespace
}  // namespace flashpods::daemon
