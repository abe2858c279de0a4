#include "daemon/daemon.h"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "async/event_loop.h"
#include "async/race.h"
#include "daemon/instance.h"

namespace flashpods::daemon {

namespace {

int tell_failure(Instance& instance, const Error& error) {
  instance.log().error("not_started", {{"error", error.code}});
  std::cerr << "flashpodsd: " << error.message << '\n';
  return 1;
}

/// What is thrown is an error like any other: the daemon says it and ends.
Awaitable<Result<void>> start(Instance& instance) {
  try {
    co_return co_await instance.start();
  } catch (const boost::system::system_error& error) {
    co_return std::unexpected(registration_error(error.code(), "The daemon cannot start"));
  } catch (const std::exception& error) {
    co_return fail(ErrorKind::kInternal, "internal_error",
                   std::string("The daemon cannot start: ") + error.what());
  }
}

Awaitable<void> signal_from(boost::asio::signal_set& signals) {
  co_await signals.async_wait(boost::asio::use_awaitable);
}

/// A signal ends the start too, whatever that waits for.
Awaitable<void> run(Instance& instance, boost::asio::signal_set& signals, int& exit_code) {
  const auto started = co_await race(start(instance), signal_from(signals));
  if (started && *started) co_await signal_from(signals);
  if (started && !*started) exit_code = tell_failure(instance, started->error());
  co_await instance.stop();
}

/// Nothing was stopped in order, and nothing need be: the next start goes on as after a crash.
[[noreturn]] void give_up(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    std::cerr << "flashpodsd: cannot stop in order: " << error.what() << '\n';
  }
  std::_Exit(1);
}

}  // namespace

int serve(Config config, Programs programs) {
  std::signal(SIGPIPE, SIG_IGN);  // a client that is gone is an error of write(2), not our end
  boost::asio::io_context loop{1};
  Instance instance(loop, std::move(config), std::move(programs));
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  if (const auto sound = check_event_loop(loop); !sound) {
    return tell_failure(instance, sound.error());
  }
  int exit_code = 0;
  boost::asio::co_spawn(loop, run(instance, signals, exit_code), [](std::exception_ptr error) {
    if (error) give_up(error);
  });
  loop.run();
  return exit_code;
}

}  // namespace flashpods::daemon
