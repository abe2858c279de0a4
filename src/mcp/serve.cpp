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
constexpr Milliseconds kLastAnswers{1'000};
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

Awaitable<void> converse(Fd in, LineWriter& writer, Services services) {
  auto& timer = services.timer;
  Session session{co_await asio::this_coro::executor, std::move(services), writer};
  co_await read_lines(std::move(in), session);
  auto idle = session.idle();
  co_await with_timeout(timer, kLastAnswers, std::move(idle));
  co_await session.close();
  writer.finish();
}

Awaitable<void> wait_for_signal() {
  asio::signal_set signals{co_await asio::this_coro::executor, SIGTERM, SIGINT};
  co_await signals.async_wait(asio::use_awaitable);
}

Awaitable<void> serve_until_signal(int in_fd, int out_fd, Services services) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto served = serve(Fd{in_fd}, Fd{out_fd}, std::move(services));
  co_await (std::move(served) || wait_for_signal());
}

}  // namespace

Awaitable<void> serve(Fd in, Fd out, Services services) {
  using boost::asio::experimental::awaitable_operators::operator&&;
  const Executor executor = co_await asio::this_coro::executor;
  LineWriter writer{executor, std::move(out)};
  auto conversation = converse(std::move(in), writer, std::move(services));
  co_await (std::move(conversation) && writer.run());
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
  std::exception_ptr failure;
  asio::co_spawn(context, serve_until_signal(in_fd, out_fd, std::move(services)),
                 [&](std::exception_ptr thrown) { failure = thrown; });
  context.run();
  pool.join();
  return failure ? 1 : 0;
}

}  // namespace flashpods::mcp
