#include "executors/shim/container_watch.h"

#include <algorithm>
#include <fstream>
#include <signal.h>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"
#include "executors/podman/run_command.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/proc_text.h"
#include "process/child.h"
#include "process/command_runner.h"

namespace flashpods::shim {
namespace {

constexpr const char* kId = "0123456789abcdef";

/// Stands in for conmon: it has the id among its arguments, and one child.
class Parent {
 public:
  explicit Parent(std::vector<std::string> argv) {
    ChildOptions options;
    options.argv = std::move(argv);
    options.env = tool_environment();
    if (auto started = start_child(options)) child_ = std::move(*started);
  }
  ~Parent() {
    if (child_.pid > 0) ::kill(-child_.pid, SIGKILL);
    ::waitpid(child_.pid, nullptr, 0);
  }
  Parent(const Parent&) = delete;
  Parent& operator=(const Parent&) = delete;

  [[nodiscard]] pid_t pid() const { return child_.pid; }
  /// 0 if it has none within ten seconds.
  [[nodiscard]] pid_t its_child() const {
    for (const auto until = since_boot() + Milliseconds{10'000}; since_boot() < until;) {
      const auto all = process_ids();
      const auto found =
          std::ranges::find_if(all, [this](pid_t each) { return parent_of(each) == pid(); });
      if (found != all.end()) return *found;
    }
    return 0;
  }

 private:
  Child child_;
};

struct ContainerWatchTest : testing::Test {
  void open(pid_t conmon, pid_t init) {
    std::ofstream(directory / podman::kConmonPidFile) << conmon;
    std::ofstream(directory / podman::kContainerPidFile) << init;
    watch.open(directory.path(), kId);
  }

  TemporaryDirectory directory;
  PollLoop loop;
  Children children;
  ContainerWatch watch{loop, children};
};

TEST_F(ContainerWatchTest, FollowsAnInitBelowItsConmon) {
  const Parent conmon({"unshare", "--user", "--pid", "--fork", "sh", "-c", "sleep 60; true", kId});
  const auto init = conmon.its_child();
  if (init == 0) GTEST_SKIP() << "no namespaces for us here";
  open(conmon.pid(), init);
  EXPECT_EQ(watch.init_pid(), init);
  ::kill(init, SIGKILL);
  EXPECT_TRUE(loop.run_until([&] { return watch.over(); }, since_boot() + Milliseconds{10'000}));
}

TEST_F(ContainerWatchTest, AnInitThatNobodyWaitedForTellsHowItEnded) {
  const Parent conmon({"unshare", "--user", "--pid", "--fork", "sh", "-c", "sleep 60; true", kId});
  const auto init = conmon.its_child();
  if (init == 0) GTEST_SKIP() << "no namespaces for us here";
  open(conmon.pid(), init);
  ::kill(conmon.pid(), SIGSTOP);
  ::kill(init, SIGKILL);
  EXPECT_TRUE(loop.run_until([&] { return watch.ended(); }, since_boot() + Milliseconds{10'000}));
  EXPECT_TRUE(watch.only_conmon_is_left());
  EXPECT_EQ(watch.init_status(), SIGKILL);
}

TEST_F(ContainerWatchTest, AnyOtherChildOfConmonIsNoInit) {
  const Parent conmon({"sh", "-c", "sleep 60; true", kId});
  open(conmon.pid(), conmon.its_child());
  EXPECT_EQ(watch.init_pid(), 0);
  EXPECT_FALSE(watch.over());
  EXPECT_EQ(watch.progress(), ContainerWatch::Progress::kUnknown);
}

TEST_F(ContainerWatchTest, NorIsAForeignContainersWithoutAConmon) {
  const Parent foreign({"unshare", "--user", "--pid", "--fork", "sh", "-c", "sleep 60; true"});
  const auto init = foreign.its_child();
  if (init == 0) GTEST_SKIP() << "no namespaces for us here";
  open(foreign.pid(), init);  // the number is somebody else's by now
  EXPECT_TRUE(watch.over());
}

}  // namespace
}  // namespace flashpods::shim
