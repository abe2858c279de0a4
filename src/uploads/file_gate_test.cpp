#include "uploads/file_gate.h"

#include <csignal>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/temporary_directory.h"

namespace flashpods::uploads {
namespace {

namespace fs = std::filesystem;

constexpr int kFiles = 20;

/// Makes files in the directory as fast as it can, once it may.
class Maker {
 public:
  explicit Maker(const fs::path& directory) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setsid();
      make_files(directory, ends[0]);
    }
    ::close(ends[0]);
    go_ = ends[1];
    while (pid_ > 0 && ::getpgid(pid_) != pid_) ::usleep(1000);
  }
  ~Maker() {
    ::close(go_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Maker(const Maker&) = delete;
  Maker& operator=(const Maker&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void begin() const { ASSERT_EQ(::write(go_, "x", 1), 1); }
  void let_on() const { ::kill(-pid_, SIGCONT); }
  /// True once it is stopped, false if it ended before.
  [[nodiscard]] bool is_stopped() const {
    siginfo_t info{};
    const auto id = static_cast<id_t>(pid_);
    if (::waitid(P_PID, id, &info, WSTOPPED | WEXITED | WNOWAIT) != 0) return false;
    if (info.si_code == CLD_STOPPED) ::waitid(P_PID, id, &info, WSTOPPED);
    return info.si_code == CLD_STOPPED;
  }

 private:
  [[noreturn]] static void make_files(const fs::path& directory, int go) {
    char byte;
    if (::read(go, &byte, 1) != 1) ::_exit(1);
    for (int i = 0; i < kFiles; ++i) {
      const auto path = directory / std::to_string(i);
      ::close(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600));
    }
    ::_exit(0);
  }

  pid_t pid_ = -1;
  int go_ = -1;
};

std::ptrdiff_t files_in(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

TEST(FileGate, LetsOneFileThroughAtATime) {
  const TemporaryDirectory directory;
  boost::asio::io_context context;
  const Maker maker(directory.path());
  auto gate = FileGate::put_up(context.get_executor(), directory.path(), maker.pid());
  ASSERT_TRUE(gate) << gate.error().message;
  maker.begin();
  for (int made = 1; made <= kFiles; ++made) {
    ASSERT_TRUE(maker.is_stopped()) << made;
    gate->clear();
    EXPECT_EQ(files_in(directory.path()), made);
    maker.let_on();
  }
  EXPECT_FALSE(maker.is_stopped());
}

TEST(FileGate, StopsNobodyWhenItIsGone) {
  const TemporaryDirectory directory;
  boost::asio::io_context context;
  const Maker maker(directory.path());
  ASSERT_TRUE(FileGate::put_up(context.get_executor(), directory.path(), maker.pid()));
  maker.begin();
  EXPECT_FALSE(maker.is_stopped());
  EXPECT_EQ(files_in(directory.path()), kFiles);
}

TEST(FileGate, SaysWhyItCannotBe) {
  boost::asio::io_context context;
  EXPECT_FALSE(FileGate::put_up(context.get_executor(), "/nowhere", ::getpid()));
}

}  // namespace
}  // namespace flashpods::uploads
