// `flashpods mcp` on its standard input, with no server configured: every line gets at most the
// answer that JSON-RPC asks for, and nothing but JSON goes out.

#include <array>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"
#include "base/temporary_directory.h"
#include "fuzz/target.h"
#include "mcp/json_rpc.h"
#include "mcp/line_splitter.h"
#include "mcp/serve.h"
#include "process/fake_command_runner.h"
#include "process/platform.h"

namespace flashpods {
namespace {

using fuzz::require;
using nlohmann::json;

/// Nobody waits: what would be late is late at once.
class ImpatientTimer final : public Timer {
 public:
  Awaitable<void> sleep_for(Milliseconds duration) override {
    return real_.sleep_for(std::min(duration, Milliseconds{20}));
  }

 private:
  SystemTimer real_;
};

/// Reads all answers: there may be more than a pipe holds.
Awaitable<void> collect(Fd out, std::string& text) {
  namespace asio = boost::asio;
  asio::posix::stream_descriptor pipe{co_await asio::this_coro::executor, out.release()};
  std::array<char, 65536> piece{};
  for (boost::system::error_code error; !error;) {
    const auto size = co_await pipe.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    text.append(piece.data(), size);
  }
}

std::string converse(std::string_view input) {
  static const TemporaryDirectory home{fast_directory()};
  static BlockingPool pool{1};
  static ImpatientTimer timer;
  static SystemClock clock;
  SeededRandom random{1};
  FakeCommandRunner runner;
  client::Places places;
  places.home = home.path();
  places.config_file = home / "config.toml";
  places.local_env = home / "env";
  auto in = open_pipe().value();
  auto out = open_pipe().value();
  require(write_all(in[1].get(), input).has_value(), "the input fits into a pipe");
  in[1].reset();
  boost::asio::io_context loop{1};
  std::exception_ptr failure;
  auto served = mcp::serve(std::move(in[0]), std::move(out[1]),
                           {timer, clock, random, pool, runner, places, home.path()});
  boost::asio::co_spawn(loop, std::move(served),
                        [&](const std::exception_ptr& thrown) { failure = thrown; });
  std::string answers;
  boost::asio::co_spawn(loop, collect(std::move(out[0]), answers), boost::asio::detached);
  loop.run();
  require(!failure, "nothing that comes in ends the server by an exception");
  require(runner.commands.empty(), "without a server no program is started");
  return answers;
}

/// How many answers each id may get, and the most answers there may be.
struct Expected {
  std::map<std::string, int> answers;
  int unnamed = 0;
};

void expect(const json& message, Expected& expected) {
  if (message.is_array()) {
    ++expected.unnamed;
    for (const auto& one : message) expect(one, expected);
    return;
  }
  const auto& id = mcp::member(message, "id");
  const auto kind = mcp::classify(message);
  if (kind == mcp::MessageKind::kRequest) ++expected.answers[dump_json(id)];
  if (kind != mcp::MessageKind::kInvalid) return;
  if (id.is_string() || id.is_number_integer()) ++expected.answers[dump_json(id)];
  ++expected.unnamed;
}

Expected expected_of(std::string_view input) {
  Expected expected;
  mcp::LineSplitter lines(
      1024 * 1024,
      [&](std::string_view line) {
        if (const auto message = parse_json(line))
          expect(*message, expected);
        else
          ++expected.unnamed;
      },
      [] {});
  lines.add(input);
  return expected;
}

void check_answer(const json& answer, Expected& expected) {
  if (answer.is_array()) {
    require(!answer.empty(), "a batch of answers is not empty");
    for (const auto& one : answer) check_answer(one, expected);
    return;
  }
  require(answer.is_object() && mcp::text_member(answer, "jsonrpc") == "2.0", "answers are 2.0");
  if (answer.contains("method")) return;  // a question of ours
  require(answer.contains("result") != answer.contains("error"), "a result or an error");
  const auto& id = answer["id"];
  if (id.is_null()) {
    require(--expected.unnamed >= 0, "an answer without an id is to a broken message");
  } else {
    require(--expected.answers[dump_json(id)] >= 0, "an answer is to a message that came");
  }
}

FUZZ_TARGET(mcp_session) {
  input = input.substr(0, 32768);
  input = input.substr(0, input.rfind('\n') + 1);  // what has no end is not answered
  auto expected = expected_of(input);
  auto output = converse(input);
  require(output.empty() || output.ends_with('\n'), "answers are whole lines");
  for (std::string_view rest = output; !rest.empty();) {
    const auto answer = parse_json(fuzz::take_line(rest));
    require(answer.has_value(), "an answer is JSON");
    check_answer(*answer, expected);
  }
}

}  // namespace
}  // namespace flashpods
