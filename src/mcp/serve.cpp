#include "mcp/serve.h"

#include <array>
#include <exception>
#include <signal.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/with_timeout.h"
#include "mcp/line_splitter.h"
#include "mcp/session.h"

namespace flashpods::mcp {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kLongestLine = 4 * 1024 * 1024;
constexpr Milliseconds kLastAnswers{5'000};  // to calls that are under way at the end of the input
constexpr Milliseconds kLastReading{1'000};
constexpr std::size_t kPoolThreads = 2;

Awaitable<void> read_lines(Fd in, Session& session) {
  asio::posix::stream_descriptor input{co_await asio::this_coro::executor, in.release()};
  LineSplitter lines{kLongestLine, [&](std::string_view line) { session.on_line(line); },
                     [&] { session.on_line_too_long(); }};
  std::array<char, 65536> piece{};
  for (boost::system::error_code error; !error;) {
    const auto size = co_await input.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    lines.add({piece.data(), size});
  }
}

using StopEvent = std::shared_ptr<Event>;

Awaitable<void> wait_for(StopEvent stop) { co_await stop->wait(); }

/// Being told to stop ends the reading and nothing else: what calls began is ended by close(),
/// which must run to its end before the session goes. A cancelled task would never reach it.
Awaitable<void> converse(Fd in, LineWriter& writer, Services services, StopEvent stop,
                         Event& closed) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto& timer = services.timer;
  Session session{co_await asio::this_coro::executor, std::move(services), writer};
  auto reading = read_lines(std::move(in), session);
  co_await (std::move(reading) || wait_for(stop));
  auto answering = with_timeout(timer, kLastAnswers, session.idle());
  co_await (std::move(answering) || wait_for(stop));
  co_await session.close();
  writer.finish();
  closed.set();
}

/// Returns a moment after all is closed, if it was to stop.
Awaitable<void> lose_patience(StopEvent stop, Event& closed, Timer& timer) {
  co_await stop->wait();
  co_await closed.wait();
  co_await timer.sleep_for(kLastReading);
}

/// Until all is written, or as long as a client may take that does not read.
Awaitable<void> write_lines(LineWriter& writer, StopEvent stop, Event& closed, Timer& timer) {
  using boost::asio::experimental::awaitable_operators::operator||;
  co_await (writer.run() || lose_patience(std::move(stop), closed, timer));
}

}  // namespace

Awaitable<void> serve(Fd in, Fd out, Services services, StopEvent stop) {
  using boost::asio::experimental::awaitable_operators::operator&&;
  const Executor executor = co_await asio::this_coro::executor;
  if (!stop) stop = std::make_shared<Event>(executor);
  Timer& timer = services.timer;
  Event closed{executor};
  LineWriter writer{executor, std::move(out)};
  auto conversation = converse(std::move(in), writer, std::move(services), stop, closed);
  co_await (std::move(conversation) && write_lines(writer, stop, closed, timer));
}

int serve_mcp(int in_fd, int out_fd) {
  ::signal(SIGPIPE, SIG_IGN);
  asio::io_context context{1};
  SystemTimer timer;
  SystemClock clock;
  SystemRandom random;
  BlockingPool pool{kPoolThreads};
  const auto runner = make_command_runner();
  std::error_code error;
  Services services{timer,
                    clock,
                    random,
                    pool,
                    *runner,
                    client::real_places(),
                    std::filesystem::current_path(error)};
  const auto stop = std::make_shared<Event>(context.get_executor());
  asio::signal_set signals{context, SIGTERM, SIGINT};
  signals.async_wait([&](boost::system::error_code cancelled, int) {
    if (!cancelled) stop->set();
  });
  std::exception_ptr failure;
  asio::co_spawn(context, serve(Fd{in_fd}, Fd{out_fd}, std::move(services), stop),
                 [&](std::exception_ptr thrown) {
                   failure = thrown;
                   signals.cancel();
                 });
  context.run();
  pool.join();
  return failure ? 1 : 0;
}

}  // namespace flashpods::mcp
