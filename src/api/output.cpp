// /jobs/:id/output: the log, from its end, from an offset, or as it grows.

#include <memory>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "api/services.h"
#include "base/json_reader.h"
#include "jobs/repository.h"
#include "jobs/state_machine.h"
#include "logs/log_follower.h"
#include "logs/log_reader.h"

namespace flashpods::api {

namespace {

using jobs::Job;
using nlohmann::json;

constexpr std::int64_t kDefaultTail = 100;
constexpr std::int64_t kMostLines = 1'000'000;
constexpr std::int64_t kMostBytes = 1024 * 1024;

/// What a request asks of a log.
struct Wanted {
  std::optional<std::int64_t> offset;  ///< else the tail
  std::int64_t tail = kDefaultTail;
  std::int64_t limit = kMostBytes;
  logs::ReadOptions options;
  bool raw = false;
  bool follow = false;
};

Result<bool> query_flag(const http::Request& request, const std::string& name) {
  const auto value = query_integer(request, name, 0, 0, 1);
  if (!value) return std::unexpected(value.error());
  return *value == 1;
}

Result<std::optional<logs::Stream>> query_stream(const http::Request& request) {
  const auto found = request.query.find("stream");
  if (found == request.query.end()) return std::nullopt;
  if (found->second == "stdout") return logs::Stream::kStdout;
  if (found->second == "stderr") return logs::Stream::kStderr;
  return fail(ErrorKind::kInvalid, "invalid_parameter", "stream must be stdout or stderr");
}

Result<Wanted> read_query(const http::Request& request) {
  const auto known =
      check_query(request, {"tail", "offset", "limit", "stream", "timestamps", "raw", "follow"});
  if (!known) return std::unexpected(known.error());
  if (request.query.contains("tail") && request.query.contains("offset")) {
    return fail(ErrorKind::kInvalid, "invalid_parameter", "give either tail or offset, not both");
  }
  const auto tail = query_integer(request, "tail", kDefaultTail, 0, kMostLines);
  const auto offset = query_integer(request, "offset", 0, 0, INT64_MAX);
  const auto limit = query_integer(request, "limit", kMostBytes, 4, kMostBytes);
  const auto stream = query_stream(request);
  const auto timestamps = query_flag(request, "timestamps");
  const auto raw = query_flag(request, "raw");
  const auto follow = query_flag(request, "follow");
  for (const Error* error : {tail ? nullptr : &tail.error(), offset ? nullptr : &offset.error(),
                             limit ? nullptr : &limit.error(), stream ? nullptr : &stream.error(),
                             timestamps ? nullptr : &timestamps.error(),
                             raw ? nullptr : &raw.error(), follow ? nullptr : &follow.error()}) {
    if (error != nullptr) return std::unexpected(*error);
  }
  Wanted wanted;
  if (request.query.contains("offset")) wanted.offset = *offset;
  wanted.tail = *tail;
  wanted.limit = *limit;
  wanted.options.stream = *stream;
  wanted.options.timestamps = *timestamps;
  wanted.options.whole_characters = !*raw;
  wanted.raw = *raw;
  wanted.follow = *follow;
  return wanted;
}

/// One read of a log: a slice and what the log says of itself.
struct View {
  logs::LogSlice slice;
  std::uint64_t total_bytes = 0;
  bool truncated = false;
};

/// Blocking. A log that does not exist yet is an empty one.
Result<View> read_log(const std::filesystem::path& file, const Wanted& wanted) {
  auto reader = logs::LogReader::open(file);
  if (!reader && reader.error().kind == ErrorKind::kNotFound) return View{};
  if (!reader) return std::unexpected(reader.error());
  const auto limit = static_cast<std::uint64_t>(wanted.limit);
  auto slice = wanted.offset
                   ? reader->read(static_cast<std::uint64_t>(*wanted.offset), limit, wanted.options)
                   : reader->tail(static_cast<std::uint64_t>(wanted.tail), limit, wanted.options);
  if (!slice) return std::unexpected(slice.error());
  return View{std::move(*slice), reader->total_bytes(), reader->truncated()};
}

json to_json(const View& view, const Job& job) {
  return {{"output", view.slice.text()},
          {"lines", view.slice.lines()},
          {"truncated", view.truncated || job.log_truncated},
          {"total_bytes", view.total_bytes},
          {"offset", view.slice.offset},
          {"next_offset", view.slice.next_offset},
          {"status", jobs::to_string(job.status)}};
}

http::Response raw_reply(View view) {
  http::Response reply;
  reply.headers["Content-Type"] = "application/octet-stream";
  reply.headers["Cache-Control"] = "no-store";
  reply.headers["X-Flashpods-Offset"] = std::to_string(view.slice.offset);
  reply.headers["X-Flashpods-Next-Offset"] = std::to_string(view.slice.next_offset);
  reply.headers["X-Flashpods-Total-Bytes"] = std::to_string(view.total_bytes);
  reply.body = std::move(view.slice.bytes);
  return reply;
}

Awaitable<Result<Job>> load(Services& services, std::string id) {
  auto body = [id](Transaction& tx) { return find_job(tx, id); };
  auto job = co_await services.store.read(std::move(body));
  if (job && job->log_deleted_at) {
    co_return fail(ErrorKind::kGone, "expired",
                   "The job's log was deleted when its time was over; the job itself is still "
                   "listed");
  }
  co_return job;
}

/// A silent stream says something now and then, so that both ends notice a dead link; clients pass
/// over comments (HTML Living Standard, "Server-sent events").
constexpr Milliseconds kKeepAlive{15'000};
constexpr std::string_view kComment = ": nothing new\n\n";

/// What the two tasks of one follower share: one looks after the log, the other after the row.
struct Follow {
  Services& services;
  std::string job_id;
  Wanted wanted;
  std::shared_ptr<EventWatch> watch;
  bool over = false;

  /// Nobody listens, or the log cannot be read: the row need not be watched either.
  void give_up() {
    over = true;
    watch->notify();
  }
};

/// Counts a follower for as long as it follows.
class Counted {
 public:
  explicit Counted(int& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  int& count_;
};

/// The share of a follower: however many there are, the loop looks at a log about once a
/// millisecond for all of them.
Milliseconds pause_of(const Services& services) {
  constexpr int kFew = 20;
  return Milliseconds{services.followers <= kFew ? 0 : services.followers};
}

std::string event(std::string_view name, const json& data) {
  std::string text = name.empty() ? "" : "event: " + std::string{name} + "\n";
  return text + "data: " + dump_json(data) + "\n\n";
}

std::string to_event(const logs::LogSlice& piece) {
  if (piece.bytes.empty()) return std::string{kComment};
  std::string text = event(
      "", {{"output", piece.text()}, {"offset", piece.offset}, {"next_offset", piece.next_offset}});
  text.shrink_to_fit();  // it lives until the client reads
  return text;
}

/// Escaping a long piece takes as long as answering several requests: the loop does not do it.
Awaitable<std::string> render(BlockingPool& pool, logs::LogSlice piece) {
  constexpr std::size_t kShort = 4096;
  if (piece.bytes.size() <= kShort) co_return to_event(piece);
  co_return co_await pool.run([piece = std::move(piece)] { return to_event(piece); });
}

Awaitable<std::optional<Job>> reload(Services& services, std::string job_id) {
  auto body = [job_id](Transaction& tx) { return jobs::find(tx, job_id); };
  co_return co_await services.store.read(std::move(body));
}

/// Reads the row when it has changed, until the job is over or nobody listens.
Awaitable<void> watch_end(std::shared_ptr<Follow> follow) {
  while (!follow->over) {
    const auto job = co_await reload(follow->services, follow->job_id);
    follow->over = follow->over || !job || !jobs::is_active(job->status);
    if (!follow->over) co_await follow->watch->changed();
  }
}

/// Blocking. Where a stream begins; at the log's beginning if the log cannot be read, for the
/// follower meets the same error. The text itself is read again, in pieces.
std::uint64_t first_offset(const std::filesystem::path& file, const Wanted& wanted) {
  if (wanted.offset) return static_cast<std::uint64_t>(*wanted.offset);
  const auto tail = read_log(file, wanted);
  return tail ? tail->slice.offset : 0;
}

Awaitable<void> stream_log(std::shared_ptr<Follow> follow, http::BodyWriter& writer) {
  Services& services = follow->services;
  const std::uint64_t offset =
      co_await services.pool.run([file = services.files.log_file(follow->job_id),
                                  wanted = follow->wanted] { return first_offset(file, wanted); });
  logs::LogFollower::From from{services.files.log_file(follow->job_id), offset,
                               follow->wanted.options, kKeepAlive,
                               [&services] { return pause_of(services); }};
  logs::LogFollower follower(
      std::move(from), [follow] { return follow->over; }, services.timer, services.pool);
  for (;;) {
    auto slice = co_await follower.next();
    if (!slice) break;
    if (!*slice) {
      follow->give_up();
      break;
    }
    std::string text = co_await render(services.pool, std::move(**slice));
    if (co_await writer.write(std::move(text))) continue;
    follow->give_up();
    co_return;
  }
  const auto job = co_await reload(services, follow->job_id);
  if (!job) co_return;
  const json end{{"status", jobs::to_string(job->status)},
                 {"exit_code", job->exit_code ? json(*job->exit_code) : json()}};
  std::string last = event("end", end);
  co_await writer.write(std::move(last));
}

Awaitable<void> stream_until_end(std::shared_ptr<Follow> follow, http::BodyWriter& writer) {
  using boost::asio::experimental::awaitable_operators::operator&&;
  const auto executor = co_await boost::asio::this_coro::executor;
  const Counted counted(follow->services.followers);
  follow->watch = follow->services.store.events().watch(follow->job_id, executor);
  co_await (watch_end(follow) && stream_log(follow, writer));
}

http::Response follow_reply(Services& services, const Job& job, Wanted wanted) {
  auto follow = std::make_shared<Follow>(services, job.id, wanted, nullptr, false);
  http::Response reply;
  reply.headers["Content-Type"] = "text/event-stream";
  reply.headers["Cache-Control"] = "no-store";
  reply.body = http::StreamBody{
      [follow](http::BodyWriter& writer) { return stream_until_end(follow, writer); }};
  return reply;
}

}  // namespace

Awaitable<Reply> get_output(Services& services, http::Request request) {
  auto wanted = read_query(request);
  if (!wanted) co_return std::unexpected(wanted.error());
  const auto job = co_await load(services, request.params["id"]);
  if (!job) co_return std::unexpected(job.error());
  wanted->options.growing = jobs::is_active(job->status);
  if (wanted->follow) co_return follow_reply(services, *job, *wanted);
  auto view = co_await services.pool.run([file = services.files.log_file(job->id),
                                          wanted = *wanted] { return read_log(file, wanted); });
  if (!view) co_return std::unexpected(view.error());
  if (wanted->raw) co_return raw_reply(std::move(*view));
  co_return json_reply(200, to_json(*view, *job));
}

}  // namespace flashpods::api
