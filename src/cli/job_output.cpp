#include "cli/job_output.h"

#include <algorithm>
#include <csignal>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"
#include "cli/json_fields.h"
#include "cli/raw_output.h"
#include "client/reply_error.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr int kTries = 6;
constexpr Milliseconds kFirstWait{250};

client::OutputQuery query_for(std::string stream) {
  client::OutputQuery query;
  query.offset = 0;
  query.stream = std::move(stream);
  return query;
}

bool same_screen(const Console& console) {
  return console.out().terminal && console.err().terminal;
}

/// So much of a job's output is written before an interrupt is heeded.
constexpr std::size_t kPiece = 8192;

/// A signal that ends or stops us waits until a piece is written, which ends with the terminal's
/// own colours.
void write_whole(int fd, std::string_view piece) {
  sigset_t signals;
  sigset_t before;
  ::sigemptyset(&signals);
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::sigaddset(&signals, each);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  (void)write_all(fd, piece);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void OutputSink::write(std::string_view bytes) {
  if (!stream_.terminal) {
    (void)write_all(stream_.fd, bytes);
    return;
  }
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kPiece, bytes.size()))) {
    write_whole(stream_.fd, filter_.feed(bytes.substr(0, kPiece)));
  }
}

void OutputSink::finish() {
  if (stream_.terminal) write_whole(stream_.fd, filter_.finish());
}

OutputFollower::OutputFollower(client::Api& api, Timer& timer, std::string job_id,
                               client::OutputQuery query, const Stream& stream)
    : api_(api),
      timer_(timer),
      job_id_(std::move(job_id)),
      query_(std::move(query)),
      sink_(stream) {}

bool OutputFollower::on_event(std::string_view event, std::string_view data) {
  if (event == "end") {
    ended_ = true;
    return false;
  }
  const auto parsed = parse_json(data);
  const auto next = parsed ? integer_at(*parsed, "next_offset") : std::nullopt;
  if (!next) return true;
  const auto begin = integer_at(*parsed, "offset").value_or(0);
  const auto text = text_at(*parsed, "output");
  progress_ = true;
  query_.tail.reset();
  if (text.contains(kReplacement) && !query_.timestamps) {
    inexact_ = Piece{static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(*next)};
    return false;
  }
  query_.offset = static_cast<std::uint64_t>(*next);
  sink_.write(text);
  return true;
}

// A page may end beyond the piece, where other streams have bytes between; we go on from there.
Awaitable<Result<void>> OutputFollower::fetch_exact(Piece piece) {
  auto query = query_;
  query.offset = piece.begin;
  query.limit = std::clamp(piece.end - piece.begin, kSmallestPage, kLargestPage);
  auto page = co_await read_raw_page(api_.connection(), job_id_, std::move(query));
  if (!page) co_return std::unexpected(page.error());
  sink_.write(page->bytes);
  query_.offset = page->next_offset;
  inexact_.reset();
  co_return Result<void>{};
}

Awaitable<Result<void>> OutputFollower::follow_once() {
  client::OnEvent on_event = [this](std::string_view event, std::string_view data) {
    return this->on_event(event, data);
  };
  if (!inexact_) {
    auto followed = co_await api_.follow_output(job_id_, query_, std::move(on_event));
    if (!inexact_) co_return followed;
  }
  co_return co_await fetch_exact(*inexact_);
}

Awaitable<Result<void>> OutputFollower::run() {
  int failures = 0;
  while (!ended_) {
    progress_ = false;
    auto followed = co_await follow_once();
    if (progress_) failures = 0;
    if (ended_ || (followed && progress_)) continue;
    if (!followed && !client::is_transient(followed.error())) co_return followed;
    // A stream that closes without its last event: the server restarts, or stops.
    if (++failures == kTries) co_return followed ? interrupted() : followed;
    co_await timer_.sleep_for(kFirstWait * (1 << failures));
  }
  co_return Result<void>{};
}

Result<void> OutputFollower::interrupted() const {
  return fail(
      ErrorKind::kUnavailable, "output_interrupted",
      "the server keeps closing the connection; the job goes on: see flashpods status " + job_id_);
}

JobOutput::JobOutput(Session& session, client::Api& api, std::string job_id)
    : separate_(!session.json && !same_screen(session.console)),
      first_(api, session.timer, job_id, query_for(separate_ ? "stdout" : ""),
             session.json ? session.console.err() : session.console.out()),
      second_(api, session.timer, job_id, query_for("stderr"), session.console.err()) {}

Awaitable<Result<void>> JobOutput::follow() {
  using boost::asio::experimental::awaitable_operators::operator&&;
  if (!separate_) co_return co_await first_.run();
  auto [first, second] = co_await (first_.run() && second_.run());
  co_return first ? second : first;
}

void JobOutput::finish() {
  first_.finish();
  if (separate_) second_.finish();
}

}  // namespace flashpods::cli
