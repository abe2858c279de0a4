#pragma once
// The server over real pipes, with a scripted HTTP server behind it.

#include <algorithm>
#include <array>
#include <functional>
#include <sstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/temporary_directory.h"
#include "http/server.h"
#include "mcp/serve.h"
#include "process/platform.h"

namespace flashpods::mcp {

using nlohmann::json;
using testing::HasSubstr;

/// The answer that never comes.
inline const http::Response kNoAnswer{0, {}, {}};
/// The rule is asked again a moment later.
inline const http::Response kNotYet{1, {}, {}};

inline constexpr Milliseconds kMoment{1};
inline constexpr Milliseconds kForever{24 * 3'600'000};

/// Answers by method and path; the newest rule first. Remembers what was asked.
class FakeApi {
 public:
  using Answer = std::function<http::Response(const http::Request&)>;

  void when(const std::string& method_and_path, Answer answer) {
    rules_.emplace_back(method_and_path, std::move(answer));
  }
  void when(const std::string& method_and_path, int status, json body) {
    when(method_and_path, [status, text = body.dump()](const http::Request&) {
      return http::Response{status, {{"Content-Type", "application/json"}}, text};
    });
  }
  Awaitable<http::Response> handle(http::Request request) {
    std::string target = request.method + " ";
    for (const auto& segment : request.path) target += "/" + segment;
    seen.push_back(target);
    bodies.push_back(request.body);
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
      if (!target.starts_with(rule->first)) continue;
      auto response = rule->second(request);
      SystemTimer timer;
      if (response.status == kNoAnswer.status) co_await timer.sleep_for(kForever);
      while (response.status == kNotYet.status) {
        co_await timer.sleep_for(kMoment);
        response = rule->second(request);
      }
      co_return response;
    }
    co_return http::Response{404, {}, R"({"error": "not_found", "message": "no such thing"})"};
  }

  std::vector<std::string> seen;
  std::vector<std::string> bodies;

 private:
  std::vector<std::pair<std::string, Answer>> rules_;
};

/// A timer for which long waits are over at once.
class QuickTimer final : public Timer {
 public:
  Awaitable<void> sleep_for(Milliseconds duration) override {
    return real_.sleep_for(duration >= Milliseconds{10'000} ? duration : Milliseconds{1});
  }

 private:
  SystemTimer real_;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    http::Server::Options options;
    options.handler = [this](http::Request request) { return api_.handle(std::move(request)); };
    options.error_reply = [](const Error&, const std::string&) {
      return http::Response{500, {}, {}};
    };
    server_ = std::make_unique<http::Server>(loop_.get_executor(), std::move(options));
    const auto port = server_->listen("127.0.0.1", 0);
    boost::asio::co_spawn(loop_, server_->serve(), boost::asio::detached);
    places_.home = home_.path();
    places_.config_file = home_ / "config.toml";
    places_.local_env = home_ / "env";
    places_.environment = {{"FLASHPODS_URL", "http://127.0.0.1:" + std::to_string(port.value())},
                           {"FLASHPODS_API_TOKEN", "s3cret-token"}};
    api_.when("GET /health", 200, {{"status", "ok"}});
  }

  using OnAnswers = std::function<void(std::size_t)>;

  /// Reads answers and tells how many there are by now.
  static Awaitable<void> collect(Fd out, OnAnswers on_answers, std::string& output) {
    namespace asio = boost::asio;
    asio::posix::stream_descriptor pipe{co_await asio::this_coro::executor, out.release()};
    std::array<char, 65536> piece{};
    on_answers(0);
    for (boost::system::error_code error; !error;) {
      const auto size = co_await pipe.async_read_some(
          asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
      output.append(piece.data(), size);
      if (!error) on_answers(static_cast<std::size_t>(std::ranges::count(output, '\n')));
    }
  }

  void say(const json& message) {
    const auto text = message.is_string() ? message.get<std::string>() : message.dump();
    EXPECT_TRUE(write_all(in_.get(), text + "\n"));
  }
  void hang_up() { in_.reset(); }

  /// Runs the server to its end. Its answers go to `out`, which somebody reads, or nobody.
  void run_server(Fd in, Fd out) {
    Services services{timer_, clock_, random_, pool_, *runner_, places_, project_.path()};
    bool ended = false;
    boost::asio::co_spawn(loop_, serve(std::move(in), std::move(out), std::move(services), stop_),
                          [&](std::exception_ptr failure) {
                            EXPECT_FALSE(failure);
                            ended = true;
                            server_->stop(Milliseconds{0});
                          });
    loop_.run();
    EXPECT_TRUE(ended);
  }

  /// One session in which `on_answers` speaks and hangs up; gives all answers.
  std::vector<json> converse_by(OnAnswers on_answers) {
    auto in = open_pipe().value();
    auto out = open_pipe().value();
    in_ = std::move(in[1]);
    output_.clear();
    boost::asio::co_spawn(loop_, collect(std::move(out[0]), std::move(on_answers), output_),
                          boost::asio::detached);
    run_server(std::move(in[0]), std::move(out[1]));
    return parse_lines(output_);
  }

  /// Feeds all messages, waits for one answer to each, ends the input; gives all answers.
  std::vector<json> converse(const std::vector<json>& messages) {
    return converse_by([&](std::size_t answers) {
      if (answers == 0) {
        for (const auto& message : messages) say(message);
      }
      if (answers >= messages.size()) hang_up();
    });
  }

  /// The same with each message said when the one before it was answered.
  std::vector<json> take_turns(const std::vector<json>& messages) {
    std::size_t said = 0;
    return converse_by([&](std::size_t answers) {
      while (said < messages.size() && said <= answers) say(messages[said++]);
      if (answers >= messages.size()) hang_up();
    });
  }

  static std::vector<json> parse_lines(const std::string& text) {
    std::vector<json> values;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);) values.push_back(json::parse(line));
    return values;
  }

  static json request(int id, const std::string& method, json params = json::object()) {
    return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
  }
  static json initialize(const std::string& version = "2025-11-25") {
    return request(0, "initialize",
                   {{"protocolVersion", version},
                    {"capabilities", json::object()},
                    {"clientInfo", {{"name", "test"}, {"version", "1"}}}});
  }
  static json call(int id, const std::string& tool, json arguments) {
    return request(id, "tools/call", {{"name", tool}, {"arguments", std::move(arguments)}});
  }

  /// The result of one tool call after a handshake.
  json result_of(const std::string& tool, json arguments) {
    const auto replies = converse({initialize(), call(1, tool, std::move(arguments))});
    EXPECT_THAT(output_, testing::Not(HasSubstr("s3cret-token")));
    for (const auto& reply : replies) {
      if (reply.value("id", -1) == 1) return reply.value("result", reply);
    }
    ADD_FAILURE() << "no reply in " << output_;
    return {};
  }
  static std::string text_of(const json& result) { return result["content"][0]["text"]; }

  boost::asio::io_context loop_{1};
  FakeApi api_;
  std::unique_ptr<http::Server> server_;
  TemporaryDirectory home_;
  TemporaryDirectory project_;
  client::Places places_;
  QuickTimer timer_;
  SystemClock clock_;
  SeededRandom random_{7};
  BlockingPool pool_{1};
  std::unique_ptr<CommandRunner> runner_ = make_command_runner();
  std::string output_;
  Fd in_;  ///< the client's end
  std::shared_ptr<Event> stop_ = std::make_shared<Event>(loop_.get_executor());
};

}  // namespace flashpods::mcp
