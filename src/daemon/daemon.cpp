#include "daemon/daemon.h"

#include <csignal>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/instance.h"

namespace flashpods::daemon {

namespace {

Awaitable<void> run(Instance& instance, int& exit_code) {
  boost::asio::signal_set signals(co_await boost::asio::this_coro::executor, SIGTERM, SIGINT);
  const auto started = co_await instance.start();
  if (started) {
    co_await signals.async_wait(boost::asio::use_awaitable);
  } else {
    exit_code = 1;
    instance.log().error("not_started", {{"error", started.error().code}});
    std::cerr << "flashpodsd: " << started.error().message << '\n';
  }
  co_await instance.stop();
}

}  // namespace

int serve(Config config, Programs programs) {
  std::signal(SIGPIPE, SIG_IGN);  // a client that is gone is an error of write(2), not our end
  boost::asio::io_context loop{1};
  Instance instance(loop, std::move(config), std::move(programs));
  int exit_code = 0;
  boost::asio::co_spawn(loop, run(instance, exit_code), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  loop.run();
  return exit_code;
}

}  // namespace flashpods::daemon
