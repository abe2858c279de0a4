#pragma once
// What the tests of this folder share.

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "artifacts/artifact.h"

namespace flashpods::artifacts {

/// The directories of one job: what its container wrote, and where its artifacts go.
class TestJob {
 public:
  TestJob() {
    std::string name = std::filesystem::temp_directory_path() / "flashpods-artifacts-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "mkdtemp failed";
    root_ = name;
    std::filesystem::create_directories(source());
  }
  ~TestJob() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  TestJob(const TestJob&) = delete;
  TestJob& operator=(const TestJob&) = delete;

  [[nodiscard]] std::filesystem::path root() const { return root_; }
  [[nodiscard]] std::filesystem::path source() const { return root_ / "job" / "artifacts"; }
  [[nodiscard]] std::filesystem::path destination() const { return root_ / "artifacts" / "job_x"; }

  void write(const std::filesystem::path& relative, const std::string& content) const {
    std::filesystem::create_directories((source() / relative).parent_path());
    std::ofstream{source() / relative, std::ios::binary} << content;
  }
  void link(const std::string& target, const std::filesystem::path& relative) const {
    std::filesystem::create_symlink(target, source() / relative);
  }

 private:
  std::filesystem::path root_;
};

inline void PrintTo(const Artifact& artifact, std::ostream* out) { *out << artifact.name; }
inline void PrintTo(const Rejected& rejected, std::ostream* out) {
  *out << rejected.name << ": " << rejected.reason;
}

[[nodiscard]] inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace flashpods::artifacts
