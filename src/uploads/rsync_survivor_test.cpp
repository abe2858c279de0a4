// A transfer that outlives its daemon, and what the next daemon does with it.

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <future>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "uploads/rsync_process.h"
#include "uploads/rsync_test_support.h"

namespace flashpods::uploads {
namespace {

using testing::HasSubstr;

/// A process in a slot as rsync would be one, left behind by a daemon that was killed.
class Orphan {
 public:
  Orphan(const TransferSlot& slot, const std::string& script) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setsid();
    ::dup2(slot.lock.get(), kLockDescriptor);
    ::fcntl(kLockDescriptor, F_SETFD, 0);  // also where it was that number already
    ::signal(SIGXFSZ, SIG_IGN);
    const auto directory = slot.module / "upload_a";
    if (::chdir(directory.c_str()) == 0) {
      ::execl("/bin/sh", "sh", "-c", script.c_str(), static_cast<char*>(nullptr));
    }
    ::_exit(127);
  }
  ~Orphan() { wait(); }
  Orphan(const Orphan&) = delete;
  Orphan& operator=(const Orphan&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  void wait() {
    if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_;
};

class Survivor : public testing::Test {
 protected:
  /// Leaves upload_a claimed by a process that runs `script`, and starts the next daemon.
  void survive(const std::string& script) {
    leave(script);
    daemon_.emplace(limits_, state_.path());
  }

  void leave(const std::string& script) {
    {
      Daemon(limits_, state_.path()).begin("upload_a");
    }
    const TransferArea area(Paths::below(state_.path()).transfers);
    auto slot = area.open("c1").value();
    fs::create_directory(slot.module / "upload_a");
    orphan_.emplace(slot, script);
    ASSERT_TRUE(area.write_process("c1", orphan_->pid()));
    wait_until([&] { return area.list()->front().process != 0; });
    slot.lock.reset();
    module_ = slot.module;
  }

  TemporaryDirectory state_;
  Limits limits_{.max_upload_bytes = 20 * kMegabyte};
  std::optional<Orphan> orphan_;
  std::optional<Daemon> daemon_;
  fs::path module_;
};

/// A script that waits until it is watched.
const std::string kAfterGo = "until [ -e go ]; do sleep 0.01; done; ";

/// Third field of proc_pid_stat(5).
char process_state(pid_t process) {
  const auto text = contents(fmt::format("/proc/{}/stat", process));
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos ? '?' : text.at(name_end + 2);
}

TEST_F(Survivor, KeepsItsUploadAndIsEndedByDelete) {
  survive("exec sleep 100");
  EXPECT_EQ(daemon_->finalize("upload_a").error().code, "upload_in_progress");
  EXPECT_TRUE(daemon_->remove("upload_a"));
  orphan_->wait();
  EXPECT_FALSE(fs::exists(daemon_->received("upload_a")));
}

TEST_F(Survivor, MeetsItsQuota) {
  survive(kAfterGo + "i=0; while head -c 500000 /dev/zero > f$i; do i=$((i+1)); done");
  put(module_ / "upload_a/go");
  orphan_->wait();
  wait_until([&] { return fs::exists(daemon_->received("upload_a")); });
  EXPECT_LT(tree_bytes(daemon_->received("upload_a")), 36 * kMegabyte);
}

TEST_F(Survivor, WritesNoMoreAtItsLimitWhileAMeasurementLasts) {
  std::promise<void> go_on;
  std::shared_future<void> gone_on = go_on.get_future();
  std::atomic<bool> measuring = false;
  // One process: a shell that is held between vfork() and exec() of its child is never in state T.
  const auto zeros = state_.path() / "zeros";
  put(zeros);
  fs::resize_file(zeros, 60 * kMegabyte);
  leave(kAfterGo + "exec split -b 500000 -a 3 -- " + zeros.string() + " f");
  daemon_.emplace(limits_, state_.path(), std::vector<std::string>{}, [gone_on, &measuring] {
    measuring = true;
    gone_on.wait();
    return Result<void>{};
  });
  wait_until([&] { return measuring.load(); });
  put(module_ / "upload_a/go");
  const auto state = [this] { return process_state(orphan_->pid()); };
  wait_until([&] { return state() == 'T' || state() == 'Z'; });
  EXPECT_EQ(state(), 'T');
  EXPECT_LT(tree_bytes(module_), 36 * kMegabyte);
  go_on.set_value();
  orphan_->wait();
  wait_until([&] { return fs::exists(daemon_->received("upload_a")); });
  EXPECT_LT(tree_bytes(daemon_->received("upload_a")), 36 * kMegabyte);
  EXPECT_THAT(daemon_->warnings(), HasSubstr(R"("limit":"bytes")"));
}

TEST_F(Survivor, GoesOnIfItWasHeldWhenItsDaemonDied) {
  leave("kill -STOP $$");
  wait_until([&] { return process_state(orphan_->pid()) == 'T'; });
  daemon_.emplace(limits_, state_.path());
  orphan_->wait();
}

TEST_F(Survivor, IsEndedThoughItIsHeld) {
  boost::asio::io_context context;
  RsyncProcess process(context.get_executor());
  leave("exec sleep 100");
  process.adopt(orphan_->pid(), [] { return true; });
  const auto state = [this] { return process_state(orphan_->pid()); };
  process.hold(true);
  wait_until([&] { return state() == 'T'; });
  process.hold(false);
  wait_until([&] { return state() != 'T'; });
  process.hold(true);
  process.signal(SIGTERM);
  process.hold(true);
  orphan_->wait();
}

TEST_F(Survivor, IsEndedWithMoreDirectoriesThanAllowed) {
  limits_.max_files = 100;
  survive("for i in $(seq 150); do mkdir d$i; done; exec sleep 1000");
  orphan_->wait();
  wait_until([&] { return fs::exists(daemon_->received("upload_a")); });
  EXPECT_THAT(daemon_->warnings(), HasSubstr(R"("limit":"files")"));
  EXPECT_THAT(daemon_->warnings(), HasSubstr("transfer_ended"));
  EXPECT_EQ(daemon_->finalize("upload_a").error().code, "upload_quota_exceeded");
}

TEST_F(Survivor, IsEndedIfItMakesDirectoriesWhereNothingMayBeWritten) {
  survive("head -c 30000000 /dev/zero > f; i=0; while mkdir d$i; do i=$((i+1)); sleep 0.1; done");
  orphan_->wait();
  EXPECT_THAT(daemon_->warnings(), HasSubstr(R"("limit":"bytes")"));
  EXPECT_THAT(daemon_->warnings(), HasSubstr("transfer_ended"));
}

}  // namespace
}  // namespace flashpods::uploads
