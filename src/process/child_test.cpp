#include "process/child.h"

#include <fcntl.h>
#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/no_watches.h"
#include "process/platform.h"

namespace flashpods {
namespace {

ChildOptions shell(std::string script) {
  ChildOptions options;
  options.argv = {"sh", "-c", std::move(script)};
  options.env = {{"PATH", "/usr/bin:/bin"}};
  return options;
}

Awaitable<void> wait_into(Child child, ChildExit& exit) {
  exit = co_await wait_child(std::move(child));
}

ChildExit wait(Result<Child> child) {
  EXPECT_TRUE(child) << child.error().message;
  ChildExit exit;
  boost::asio::io_context io{1};
  boost::asio::co_spawn(io, wait_into(std::move(*child), exit), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
  return exit;
}

TEST(StartChild, ExitCodeAndSignalAreTold) {
  EXPECT_EQ(wait(start_child(shell("exit 7"))).code, 7);
  EXPECT_EQ(wait(start_child(shell("kill -9 $$"))).signal, SIGKILL);
}

TEST(StartChild, AMissingProgramIsAnErrorNotAnExitCode) {
  ChildOptions options;
  options.argv = {"no-such-program"};
  EXPECT_EQ(start_child(options).error().code, "command_not_found");
  options.argv = {"/no/such/program"};
  EXPECT_EQ(start_child(options).error().code, "command_not_found");
}

TEST(StartChild, BeforeExecCanRefuse) {
  auto options = shell("exit 0");
  options.before_exec = [] { return EPERM; };
  EXPECT_EQ(start_child(options).error().kind, ErrorKind::kInternal);
}

TEST(StartChild, OnlyNamedDescriptorsAreOpenAndSwapsWork) {
  auto one = open_pipe();
  auto two = open_pipe();
  const int leaked = ::open("/dev/null", O_RDONLY);  // not close-on-exec, on purpose
  auto options = shell("echo out; echo err >&2; echo six >&6; ls /proc/self/fd | tr '\\n' ' ' >&6");
  // Each target is a number that another source already has.
  const int first = (*one)[1].get();
  options.descriptors = {{first, 1}, {first, 2}, {(*two)[1].get(), 6}};
  EXPECT_EQ(wait(start_child(options)).code, 0);
  ::close(leaked);
  (*one)[1].reset();
  (*two)[1].reset();
  EXPECT_EQ(*read_all((*one)[0].get(), 1000), "out\nerr\n");
  // 3 is the directory that ls reads.
  EXPECT_EQ(*read_all((*two)[0].get(), 1000), "six\n0 1 2 3 6 ");
}

TEST(WaitChild, AChildIsReapedAlthoughTheLoopTakesNoDescriptor) {
  boost::asio::io_context io{1};
  const boost::asio::steady_timer opens_the_reactor(io);
  const NoWatches none;
  auto child = start_child(shell("sleep 0.1; exit 7"));
  ASSERT_TRUE(child);
  ChildExit exit;
  boost::asio::co_spawn(io, wait_into(std::move(*child), exit), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
  EXPECT_EQ(exit.code, 7);
}

TEST(StartChild, SignalsAreBackToNormalAndTheSessionIsNew) {
  ::signal(SIGUSR1, SIG_IGN);
  auto options = shell("test \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ || exit 3; kill -USR1 $$");
  options.new_session = true;
  EXPECT_EQ(wait(start_child(options)).signal, SIGUSR1);
  ::signal(SIGUSR1, SIG_DFL);
}

}  // namespace
}  // namespace flashpods
