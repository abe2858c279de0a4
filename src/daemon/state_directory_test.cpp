#include "daemon/state_directory.h"

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"

namespace flashpods::daemon {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    out = Fd(ends[0]);
    in = Fd(ends[1]);
  }
  /// One byte, or nothing at the end.
  void wait() {
    char byte = 0;
    [[maybe_unused]] const auto got = ::read(out.get(), &byte, 1);
  }
  void tell() { EXPECT_EQ(::write(in.get(), "x", 1), 1); }

  Fd out;
  Fd in;
};

class StateDirectoryLock : public testing::Test {
 protected:
  StateDirectoryLock() {
    config_.state_dir = root_.path();
    for (auto* part : {&config_.spool, &config_.artifacts, &config_.database, &config_.logs}) {
      *part = root_ / "part";
    }
  }

  /// A process that has the lock when this returns, and a child that has not called exec yet.
  pid_t start_holder() {
    const pid_t holder = ::fork();
    if (holder == 0) hold();
    held_.wait();
    return holder;
  }

  Config config_;
  Pipe held_;
  Pipe end_;

 private:
  [[noreturn]] void hold() {
    end_.in.reset();
    const auto mine = StateDirectory::open(config_);
    const bool is_child = mine && ::fork() == 0;
    if (!is_child) held_.tell();
    end_.wait();
    ::_exit(0);
  }

  TemporaryDirectory root_;
};

TEST_F(StateDirectoryLock, IsFreeOnceItsHolderIsDeadWhateverThatWasStarting) {
  const auto holder = start_holder();
  EXPECT_EQ(StateDirectory::open(config_).error().code, "state_directory_in_use");
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  EXPECT_TRUE(StateDirectory::open(config_));
}

}  // namespace
}  // namespace flashpods::daemon
