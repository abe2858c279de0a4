#include "executors/shim/epoll_use.h"

#include <array>
#include <atomic>
#include <functional>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

constexpr EpollUse kAll{1'000'000, 1'000'000};

/// One instance that watches one file under `count` numbers, all closed again but the first. The
/// kernel keeps the watches while the file is open.
void watch_closed_numbers(int count) {
  const int instance = ::epoll_create1(0);
  const int file = ::eventfd(0, 0);
  for (int i = 0; i < count; ++i) {
    const int number = ::dup2(file, 100 + i);
    epoll_event readable{.events = EPOLLIN, .data = {}};
    ::epoll_ctl(instance, EPOLL_CTL_ADD, number, &readable);
  }
  for (int i = 0; i < count; ++i) ::close(100 + i);
}

/// A child that does something and then waits for its end.
class Child {
 public:
  explicit Child(const std::function<void()>& act) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      act();
      [[maybe_unused]] const auto told = ::write(ends[1], "y", 1);
      while (true) ::pause();
    }
    char ready = 0;
    [[maybe_unused]] const auto got = ::read(ends[0], &ready, 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] EpollUse use(const EpollUse& enough = kAll) const {
    return epoll_use(pid_, enough);
  }

 private:
  pid_t pid_ = -1;
};

class EpollUseTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_count_epoll_use()) GTEST_SKIP() << "this kernel has no kcmp(2)";
  }
};

TEST_F(EpollUseTest, NothingIsNothing) {
  const Child idle([] {});
  EXPECT_EQ(idle.use().watches, 0U);
}

TEST_F(EpollUseTest, EachInstanceAndEachWatchCounts) {
  const Child busy([] {
    watch_closed_numbers(3);
    watch_closed_numbers(0);
    watch_closed_numbers(500);
  });
  EXPECT_EQ(busy.use().watches, 503U);
}

TEST_F(EpollUseTest, AnInstanceThatChildrenInheritCountsOnce) {
  const Child busy([] {
    watch_closed_numbers(10);
    for (int i = 0; i < 5; ++i) {
      if (::fork() != 0) continue;
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      while (true) ::pause();
    }
  });
  EXPECT_EQ(busy.use().watches, 10U);
}

TEST_F(EpollUseTest, ChildrensOwnInstancesCount) {
  const Child busy([] {
    std::array<int, 2> ends{};
    [[maybe_unused]] const int made = ::pipe(ends.data());
    for (int i = 0; i < 3; ++i) {
      if (::fork() != 0) continue;
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      watch_closed_numbers(10);
      [[maybe_unused]] const auto told = ::write(ends[1], "y", 1);
      while (true) ::pause();
    }
    char ready[3];
    for (int got = 0; got < 3;) got += static_cast<int>(::read(ends[0], ready, 3));
  });
  EXPECT_EQ(busy.use().watches, 30U);
}

/// unshare(2): a thread may have descriptors that its process's first thread has not.
TEST_F(EpollUseTest, AThreadsOwnDescriptorsCount) {
  const Child busy([] {
    std::atomic<bool> done = false;
    std::thread([&done] {
      ::unshare(CLONE_FILES);
      watch_closed_numbers(7);
      done = true;
      while (true) ::pause();
    }).detach();
    while (!done) ::sched_yield();
  });
  EXPECT_EQ(busy.use().watches, 7U);
}

TEST_F(EpollUseTest, ThreadsThatShareTheirDescriptorsCountOnce) {
  const Child busy([] {
    watch_closed_numbers(7);
    for (int i = 0; i < 5; ++i) {
      std::thread([] {
        while (true) ::pause();
      }).detach();
    }
  });
  EXPECT_EQ(busy.use().watches, 7U);
}

TEST_F(EpollUseTest, EndsOnceItHasSeenEnoughWatches) {
  const Child busy([] {
    for (int i = 0; i < 4; ++i) watch_closed_numbers(10);
  });
  EXPECT_EQ(busy.use({15, kAll.descriptors}).watches, 20U);
}

TEST_F(EpollUseTest, DescriptorsCountOnceForEachTable) {
  const auto open_fifty = [] {
    for (int i = 0; i < 50; ++i) [[maybe_unused]]
      const int made = ::dup(0);
  };
  const Child idle([] {});
  const Child busy([&] {
    open_fifty();
    std::thread([] {
      while (true) ::pause();
    }).detach();
  });
  EXPECT_EQ(busy.use().descriptors, idle.use().descriptors + 50);
}

TEST_F(EpollUseTest, TooManyDescriptorsAreNotLookedThrough) {
  const Child busy([] {
    watch_closed_numbers(10);
    for (int i = 0; i < 50; ++i) [[maybe_unused]]
      const int made = ::dup(0);
  });
  const auto use = busy.use({kAll.watches, 40});
  EXPECT_GT(use.descriptors, 40U);
  EXPECT_TRUE(use.watches == 0 || use.descriptors == 41) << "where the kernel gives their number";
}

}  // namespace
}  // namespace flashpods::shim
