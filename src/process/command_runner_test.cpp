#include "process/command_runner.h"

#include <latch>
#include <signal.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "async/blocking_pool.h"
#include "async/task_group.h"
#include "async/with_timeout.h"
#include "base/no_watches.h"
#include "process/fake_command_runner.h"

namespace flashpods {
namespace {

using namespace std::chrono_literals;

struct CommandRunnerTest : testing::Test {
  void run(Awaitable<void> task) {
    boost::asio::co_spawn(io, std::move(task), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    io.run();
    io.restart();
  }
  Result<CommandResult> result(Command command) {
    Result<CommandResult> answer;
    run(into(std::move(command), answer));
    return answer;
  }
  Awaitable<void> into(Command command, Result<CommandResult>& answer) {
    answer = co_await runner->run(std::move(command));
  }
  static Command shell(std::string script) {
    Command command;
    command.argv = {"sh", "-c", std::move(script)};
    command.env = {{"PATH", "/usr/bin:/bin"}};
    return command;
  }

  boost::asio::io_context io{1};
  SystemTimer timer;
  std::unique_ptr<CommandRunner> runner = make_command_runner();
};

TEST_F(CommandRunnerTest, GivesOutputAndExitCode) {
  const auto answer = result(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(answer->exit_code, 3);
  EXPECT_EQ(answer->out, "out\n");
  EXPECT_EQ(answer->err, "err\n");
}

TEST_F(CommandRunnerTest, NothingIsInherited) {
  ::setenv("FLASHPODS_SECRET", "x", 1);
  auto command = shell("env | grep -c SECRET; cat");
  EXPECT_EQ(result(command)->out, "0\n");
  command.env["SECRET_BUT_NAMED"] = "1";
  EXPECT_EQ(result(command)->out, "1\n");
}

TEST_F(CommandRunnerTest, InputIsFedWhileOutputIsRead) {
  auto command = shell("cat");
  command.input.assign(900'000, 'x');
  EXPECT_EQ(result(command)->out, command.input);
}

TEST_F(CommandRunnerTest, AProgramThatReadsNoInputIsFine) {
  auto command = shell("exec 0<&-; exit 4");
  command.input.assign(900'000, 'x');
  EXPECT_EQ(result(command)->exit_code, 4);
}

TEST_F(CommandRunnerTest, WithoutAWatchTheCommandIsNotBegun) {
  const boost::asio::steady_timer opens_the_reactor(io);
  const NoWatches none;
  const auto answer = result(shell("exit 0"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "no_watches");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left that nobody reaps";
}

TEST_F(CommandRunnerTest, OutputBeyondTheCapDrains) {
  auto command = shell("head -c 3000000 /dev/zero; echo end >&2");
  command.max_output = 10;
  const auto answer = result(command);
  EXPECT_EQ(answer->out.size(), 10U);
  EXPECT_EQ(answer->err, "end\n");
}

TEST_F(CommandRunnerTest, ADescendantThatKeepsThePipeDoesNotHoldUsUp) {
  const auto answer = result(shell("sleep 1000 & echo $!"));
  EXPECT_EQ(answer->exit_code, 0);
  ::kill(std::stoi(answer->out), SIGKILL);
}

TEST_F(CommandRunnerTest, TheTimeoutEndsTheWholeGroup) {
  auto command = shell("sleep 1000 & echo $!; wait");
  command.timeout = 300ms;
  const auto answer = result(command);
  EXPECT_TRUE(answer->timed_out);
  EXPECT_EQ(answer->signal, SIGTERM);
}

Awaitable<void> expect_cut_off(CommandRunner& runner, Timer& timer, Command command) {
  const auto answer = co_await with_timeout(timer, 100ms, runner.run(std::move(command)));
  EXPECT_FALSE(answer);
}

TEST_F(CommandRunnerTest, CancellationKillsAndReaps) {
  run(expect_cut_off(*runner, timer, shell("trap '' TERM; sleep 1000")));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

/// Cancelled where nothing can be cancelled, it must end at its next wait.
struct CancelledInThePool {
  CommandRunner& runner;
  SystemTimer timer = {};
  BlockingPool pool{1};
  std::latch reached{1};
  std::latch cancelled{1};

  Awaitable<void> task() {
    Command command;
    command.argv = {"true"};
    const auto ran = co_await runner.run(std::move(command));
    EXPECT_TRUE(ran && ran->ok());
    co_await pool.run([this] {
      reached.count_down();
      cancelled.wait();
    });
    co_await timer.sleep_for(1h);
  }
};

TEST_F(CommandRunnerTest, ATaskIsCancellableAfterACommand) {
  CancelledInThePool world{*runner};
  TaskGroup tasks(io.get_executor(), [](const auto&, const auto& what) { ADD_FAILURE() << what; });
  tasks.start("run", world.task());
  while (!world.reached.try_wait()) io.run_one_for(10ms);
  boost::asio::co_spawn(io, tasks.close(), boost::asio::detached);
  boost::asio::post(io, [&] { world.cancelled.count_down(); });
  io.run_for(30s);
  EXPECT_EQ(tasks.running(), 0U);
}

TEST_F(CommandRunnerTest, AMissingProgramIsSaid) {
  Command command;
  command.argv = {"no-such-program"};
  EXPECT_EQ(result(command).error().code, "command_not_found");
}

TEST_F(CommandRunnerTest, TheFakeAnswersByBeginning) {
  auto fake = std::make_unique<FakeCommandRunner>();
  auto& script = *fake;
  runner = std::move(fake);
  script.when("podman", 1);
  script.when("podman ps", 0, "[]");
  Command command;
  command.argv = {"podman", "ps", "-a"};
  EXPECT_EQ(result(command)->out, "[]");
  command.argv = {"podman", "rm"};
  EXPECT_EQ(result(command)->exit_code, 1);
  command.argv = {"rsync"};
  EXPECT_EQ(result(command)->exit_code, 127);
  EXPECT_EQ(script.commands.size(), 3U);
}

}  // namespace
}  // namespace flashpods
