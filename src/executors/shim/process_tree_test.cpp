#include "executors/shim/process_tree.h"

#include <algorithm>
#include <array>
#include <latch>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace flashpods::shim {
namespace {

const Process* find(const std::vector<Process>& tree, pid_t id) {
  const auto found = std::ranges::find(tree, id, &Process::id);
  return found == tree.end() ? nullptr : &*found;
}

TEST(ProcessTree, HasTheThreadsOfAProcess) {
  std::latch begun(2);
  std::latch seen(2);
  pid_t thread = 0;
  std::jthread other([&] {
    thread = ::gettid();
    begun.arrive_and_wait();
    seen.arrive_and_wait();
  });
  begun.arrive_and_wait();
  const auto tree = process_tree(::getpid());
  seen.arrive_and_wait();
  ASSERT_EQ(tree.front().id, ::getpid());
  EXPECT_NE(std::ranges::find(tree.front().threads, ::getpid()), tree.front().threads.end());
  EXPECT_NE(std::ranges::find(tree.front().threads, thread), tree.front().threads.end());
}

/// A child of a thread other than the first is in that thread's list.
TEST(ProcessTree, HasChildrenOfAnyThreadAndTheirChildren) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::latch seen(2);
  pid_t child = 0;
  std::jthread other([&] {
    child = ::fork();
    if (child == 0) {
      const pid_t below = ::fork();
      if (below > 0) [[maybe_unused]]
        const auto told = ::write(ends[1], &below, sizeof below);
      while (true) ::pause();
    }
    seen.arrive_and_wait();  // a thread's children go to another one when it ends
  });
  pid_t grandchild = 0;
  ASSERT_EQ(::read(ends[0], &grandchild, sizeof grandchild), sizeof grandchild);
  const auto tree = process_tree(::getpid());
  seen.arrive_and_wait();
  EXPECT_NE(find(tree, child), nullptr);
  EXPECT_NE(find(tree, grandchild), nullptr);
  ::kill(grandchild, SIGKILL);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ProcessTree, OfAProcessThatIsGoneHasNoThreads) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const auto tree = process_tree(child);
  ASSERT_EQ(tree.size(), 1U);
  EXPECT_TRUE(tree.front().threads.empty());
}

}  // namespace
}  // namespace flashpods::shim
