// Every endpoint, over a real database with jobs that are over: "METHOD TARGET\n", header lines, an
// empty line, the body. Queries, cursors, windows of the log, ranges of artifacts, bodies.

#include <algorithm>
#include <fcntl.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "api/services.h"
#include "artifacts/repository.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/temporary_directory.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "http/target.h"
#include "jobs/fakes.h"
#include "jobs/repository.h"
#include "jobs/stored_job_files.h"
#include "logs/log_writer.h"
#include "uploads/stored_upload_files.h"

namespace flashpods {
namespace {

using fuzz::require;
using nlohmann::json;

constexpr std::string_view kLog = "one\ntwo \xe2\x82\xac\nthree \xff\n\x1b[31mred\x1b[m\rlast";
constexpr std::string_view kArtifact = "0123456789";

class Impatient final : public Timer {
 public:
  Awaitable<void> sleep_for(Milliseconds) override {  // but others have their turn
    co_await boost::asio::post(co_await boost::asio::this_coro::executor,
                               boost::asio::use_awaitable);
  }
};

/// A daemon without its listeners. It has room for no job, so that no request changes its state:
/// each input meets the same.
class Daemon {
 public:
  Daemon() {
    for (const char* name : {"uploads", "sealed", "transfers", "logs", "artifacts", "jobs"})
      std::filesystem::create_directories(directory_ / name);
    add_job("job_aaaaaaaaaaaaaaaa", "key-1", jobs::Status::kCompleted);
    add_job("job_bbbbbbbbbbbbbbbb", "key-2", jobs::Status::kFailed);
    add_job("job_cccccccccccccccc", "key-3", jobs::Status::kCancelled);
  }

  http::Response ask(http::Request request) {
    std::optional<http::Response> reply;
    std::exception_ptr thrown;
    auto answer = handler_(std::move(request));
    boost::asio::co_spawn(loop_, std::move(answer), [&](std::exception_ptr e, http::Response r) {
      thrown = e;
      reply = std::move(r);
    });
    run();
    require(!thrown, "a handler never throws");
    return std::move(*reply);
  }

  /// Everything that a stream gives.
  std::string stream(const http::StreamBody& body) {
    struct Collector final : http::BodyWriter {
      Awaitable<bool> write(std::string piece) override {
        text += piece;
        co_return true;
      }
      std::string text;
    } collector;
    std::exception_ptr thrown;
    auto writing = body(collector);
    boost::asio::co_spawn(loop_, std::move(writing), [&](std::exception_ptr e) { thrown = e; });
    run();
    require(!thrown, "a stream never throws");
    return std::move(collector.text);
  }

 private:
  void run() {
    loop_.restart();
    loop_.run();
  }

  void add_job(const std::string& id, const std::string& key, jobs::Status status) {
    jobs::Job job;
    job.id = id;
    job.status = status;
    job.outcome = status;
    job.request.client_job_id = key;
    job.request.image = "busybox";
    job.request.resources = {1, 1};
    job.request.name = "name";
    job.request.labels = {{"team", "a"}};
    job.created_at = clock_.now();
    clock_.advance(Seconds{1});
    auto body = [job, now = clock_.now()](Transaction& tx) {
      jobs::insert(tx, job, {"make", {}, {}, {}}, "{}");
      jobs::mark_released(tx, job.id, now);
      artifacts::insert_all(tx, job.id, {{"out.bin", kArtifact.size(), std::string(64, 'a')}}, now);
    };
    boost::asio::co_spawn(loop_, store_->transact(std::move(body)), [](std::exception_ptr thrown) {
      require(!thrown, "a job can be stored");
    });
    run();
    auto log = logs::LogWriter::open(files_.log_file(id), 1 << 20);
    log->append(logs::Stream::kStdout, kLog.substr(0, 9), clock_.now());
    log->append(logs::Stream::kStderr, kLog.substr(9), clock_.now() + Seconds{1});
    std::filesystem::create_directories(directory_ / "artifacts" / id);
    const Fd file(::open((directory_ / "artifacts" / id / "out.bin").c_str(),
                         O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    require(write_all(file.get(), kArtifact).has_value(), "an artifact can be written");
  }

  TemporaryDirectory directory_{fast_directory()};
  boost::asio::io_context loop_{1};
  FakeClock clock_;
  SeededRandom random_{1};
  Impatient timer_;
  Log log_{clock_, -1, LogLevel::kError};
  BlockingPool pool_{1};
  std::unique_ptr<SqliteStore> store_ =
      std::move(*SqliteStore::open(directory_ / "db", SqliteStore::Threading::kInline));
  jobs::FakeExecutor::World world_;
  jobs::FakeExecutor executor_{world_};
  uploads::StoredUploadFiles upload_files_{uploads::Paths::below(directory_.path()),
                                           uploads::measured_usage({}), pool_};
  uploads::Uploads uploads_{{*store_, clock_, timer_, log_}, upload_files_, {}};
  jobs::StoredJobFiles files_{{directory_ / "jobs", directory_ / "artifacts", directory_ / "logs"},
                              upload_files_.directories(),
                              {},
                              pool_};
  jobs::JobLimits no_room_;  ///< a capacity of nothing
  jobs::Lifecycle lifecycle_{{*store_, executor_, files_, clock_, random_, timer_, log_},
                             no_room_,
                             "instance",
                             true,
                             loop_.get_executor()};
  api::Services services_{*store_,
                          lifecycle_,
                          files_,
                          uploads_,
                          directory_ / "artifacts",
                          directory_.path(),
                          clock_,
                          timer_,
                          pool_,
                          api::BearerToken("t"),
                          {}};
  http::Handler handler_ = api::make_handler(services_);
};

/// The request, if its first line is one.
std::optional<http::Request> take_request(std::string_view& input) {
  const auto line = fuzz::take_line(input);
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto target = http::parse_target(line.substr(space + 1));
  if (!target) return std::nullopt;
  http::Request request;
  request.method = line.substr(0, space);
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  request.headers = {{"Authorization", "Bearer t"}, {"Content-Type", "application/json"}};
  request.request_id = "1";
  for (auto field = fuzz::take_line(input); !field.empty(); field = fuzz::take_line(input)) {
    const auto colon = field.find(": ");
    if (colon == std::string_view::npos) break;
    request.headers[std::string{field.substr(0, colon)}] = field.substr(colon + 2);
  }
  request.body = input;
  return request;
}

void check_error(const json& body) {
  const auto code = body.at("error").get<std::string>();
  require(!code.empty() && code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == code.npos,
          "an error has a word of ours");
  const auto message = body.at("message").get<std::string>();
  require(!message.empty(), "and says what to do");
  require(to_one_line(message, message.size()) == message, "on one visible line");
}

void check_json(const http::Response& reply) {
  const auto body = parse_json(std::get<std::string>(reply.body));
  require(body.has_value() && body->is_object(), "a JSON reply is an object");
  if (reply.status >= 400) check_error(*body);
}

void check_file(const http::FileBody& body) {
  require(body.offset <= kArtifact.size() && body.length <= kArtifact.size() - body.offset,
          "what is sent of a file lies in it");
}

void check_headers(const http::Response& reply) {
  for (const auto& [name, value] : reply.headers)
    require(value.find_first_of("\r\n") == std::string::npos, "a header is one line");
}

void check_reply(Daemon& daemon, const http::Request& request, const http::Response& reply) {
  require(reply.status >= 200 && reply.status < 500, "no request makes the server fail");
  require(reply.status != 201, "there is no room for a job");
  check_headers(reply);
  if (const auto* file = std::get_if<http::FileBody>(&reply.body)) return check_file(*file);
  if (const auto* stream = std::get_if<http::StreamBody>(&reply.body)) {
    require(is_valid_utf8(daemon.stream(*stream)), "events are text");
    return;
  }
  const auto type = reply.headers.find("Content-Type");
  if (type != reply.headers.end() && type->second == "application/json") check_json(reply);
  if (request.method == "GET" && reply.status == 200) return;
  require(reply.status != 200 || request.method == "DELETE" || request.method == "HEAD" ||
              request.method == "POST",
          "only known methods do something");
}

/// A list's own cursor leads on.
void check_next_page(Daemon& daemon, http::Request request, const http::Response& reply) {
  if (request.method != "GET" || request.path != std::vector<std::string>{"jobs"}) return;
  if (reply.status != 200) return;
  const auto cursor = json::parse(std::get<std::string>(reply.body)).at("next_cursor");
  if (cursor.is_null()) return;
  request.query["cursor"] = cursor.get<std::string>();
  require(daemon.ask(std::move(request)).status == 200, "a list's cursor is accepted");
}

FUZZ_TARGET(api_request) {
  static Daemon daemon;
  const auto request = take_request(input);
  if (!request) return;
  const auto reply = daemon.ask(*request);
  check_reply(daemon, *request, reply);
  check_next_page(daemon, *request, reply);
}

}  // namespace
}  // namespace flashpods
