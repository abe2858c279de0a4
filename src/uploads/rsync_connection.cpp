#include "uploads/rsync_connection.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "async/with_timeout.h"
#include "base/files.h"
#include "process/command_runner.h"
#include "uploads/confinement.h"
#include "uploads/process_io.h"
#include "uploads/rsync_config.h"
#include "uploads/rsync_hook.h"

namespace flashpods::uploads {

namespace asio = boost::asio;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr const char* kConfigFile = "rsyncd.conf";

/// To log in and say what is wanted.
constexpr Milliseconds kLogin{60'000};
constexpr Milliseconds kDescendants{5000};
/// How often the writes are counted: often enough that what slips through near the limit is small.
/// There rsync also gives way to us, however busy the host is.
constexpr Milliseconds kPoll{50};
constexpr Milliseconds kPollNearLimit{5};
constexpr std::uint64_t kNearLimit = std::uint64_t{192} << 20;
/// What messages take, written while nothing is stored.
constexpr std::uint64_t kLittle = std::uint64_t{64} << 10;
constexpr std::uint64_t kAlwaysRead = std::uint64_t{64} << 20;
/// For rsync to tell its client by itself why nothing more is taken; then it is ended. It would go
/// on for as long as its client sends.
constexpr Milliseconds kLastWords{30'000};
/// Between two measurements for the number of files; also 20 times what the last one took.
constexpr Milliseconds kMeasure{2000};
constexpr int kMeasureShare = 20;

/// In the child: writes beyond the limit fail with EFBIG, which rsync reports, instead of a signal.
int limit_file_size_of_self(std::uint64_t bytes) {
  const rlimit limit{bytes, bytes};
  if (::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return errno;
  return ::setrlimit(RLIMIT_FSIZE, &limit) == 0 ? 0 : errno;
}

Result<std::pair<Fd, Fd>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return std::unexpected(errno_error("cannot make a socket pair"));
  }
  return std::pair{Fd(ends[0]), Fd(ends[1])};
}

Error broken(const std::exception& exception) {
  return {ErrorKind::kInternal, "internal",
          std::string{"The host has a problem: "} + exception.what()};
}

}  // namespace

RsyncConnection::RsyncConnection(Executor executor, Receiving receiving, RsyncProgram program,
                                 std::string name, std::string owner)
    : uploads_(receiving.uploads),
      files_(receiving.files),
      with_(receiving.with),
      program_(std::move(program)),
      name_(std::move(name)),
      owner_(std::move(owner)),
      channel_(executor),
      end_(executor, asio::steady_timer::time_point::max()),
      budget_(uploads_.limits(), uploads_.disk()) {}

Awaitable<void> RsyncConnection::run(asio::ip::tcp::socket socket) {
  using namespace asio::experimental::awaitable_operators;
  const auto begun = start(socket);
  socket.close();
  if (!begun) {
    with_.log.error("rsync_not_started", {{"why", begun.error().message}});
  } else {
    co_await (await_end() && supervise());
    co_await wait_for_descendants();
  }
  co_await uploads_.end_transfer(name_, id_);
}

Awaitable<void> RsyncConnection::run_survivor(FoundTransfer survivor) {
  module_ = files_.area().module(name_);
  process_ = survivor.process;
  id_ = survivor.ids.front();
  started_ = true;
  adopted_ = true;
  if (auto log = RsyncLog::open(files_.area().log(name_))) log_ = std::move(*log);
  uploads_.adopt(survivor, [this] { stop(); });
  with_.log.info("transfer_adopted", {{"upload_id", id_}});
  co_await guard_budget();
  co_await uploads_.end_transfer(name_, id_);
}

void RsyncConnection::stop() {
  if (started_ && !ended_) ::kill(-process_, SIGTERM);
}

Result<void> RsyncConnection::start(asio::ip::tcp::socket& socket) {
  auto slot = files_.area().open(name_);
  if (!slot) return std::unexpected(slot.error());
  uploads_.open_transfer(name_);
  module_ = slot->module;
  auto log = RsyncLog::open(files_.area().log(name_));
  if (!log) return std::unexpected(log.error());
  log_ = std::move(*log);
  if (auto written = write_config(*slot); !written) return written;
  auto ends = socket_pair();
  if (!ends) return std::unexpected(ends.error());
  socket.native_non_blocking(false);
  auto child = spawn(*slot, socket.native_handle(), ends->second.get());
  if (!child) return std::unexpected(child.error());
  child_ = std::move(*child);
  process_ = child_.pid;
  started_ = true;
  if (auto noted = files_.area().write_process(name_, process_); !noted) stop();
  channel_.assign({}, ends->first.release());
  return {};
}

Result<void> RsyncConnection::write_config(const TransferSlot& slot) const {
  const auto text = rsync_config({slot.module, files_.area().log(name_), program_.hook,
                                  program_.secrets_file, ::geteuid() == 0});
  if (!text) return std::unexpected(text.error());
  const auto path = slot.directory / kConfigFile;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(errno_error("cannot write rsync's configuration"));
  return write_all(file.get(), *text);
}

Result<Child> RsyncConnection::spawn(const TransferSlot& slot, int socket, int channel) const {
  const auto confinement = WriteConfinement::to(slot.module, files_.area().log(name_));
  if (!confinement && confinement.error().code != "no_landlock") {
    return std::unexpected(confinement.error());
  }
  ChildOptions options;
  options.argv = {program_.program, "--daemon", "--no-detach",
                  "--config=" + (slot.directory / kConfigFile).native()};
  options.env = tool_environment();
  options.descriptors = {{socket, 0},
                         {socket, 1},
                         {slot.lock.get(), kLockDescriptor},
                         {channel, kHookDescriptor},
                         {log_->fd(), RsyncLog::kDescriptor}};
  options.new_session = true;
  options.before_exec = [&confinement, limit = uploads_.limits().max_upload_bytes] {
    const int limited = limit_file_size_of_self(limit);
    return limited != 0 || !confinement ? limited : confinement->put_on();
  };
  return start_child(options);
}

Awaitable<void> RsyncConnection::await_end() {
  const auto exit = co_await wait_child(std::move(child_));
  ended_ = true;
  end_.cancel();
  with_.log.debug("rsync_ended",
                  {{"upload_id", id_}, {"code", exit.code}, {"signal", exit.signal}});
}

Awaitable<void> RsyncConnection::supervise() {
  const auto answered = co_await answer_hook();
  if (!answered) {
    with_.log.info("transfer_refused", {{"peer", owner_}, {"why", answered.error().message}});
    co_return;
  }
  with_.log.info("transfer_started", {{"peer", owner_}, {"upload_id", id_}});
  co_await guard_budget();
}

Awaitable<Result<void>> RsyncConnection::answer_hook() {
  std::string question;
  auto read =
      asio::async_read_until(channel_, asio::dynamic_buffer(question, kMaxHookLine), '\n', kTuple);
  const auto got = co_await with_timeout(with_.timer, kLogin, std::move(read));
  if (!got) stop();
  if (!got || std::get<0>(*got)) {
    co_return fail(ErrorKind::kTimeout, "no_request", "The client did not ask for a transfer.");
  }
  auto decision = co_await decide(std::move(question));
  if (decision) limit_file_size(process_, budget_.left());
  const std::string answer = hook_answer(decision);
  co_await asio::async_write(channel_, asio::buffer(answer), kTuple);
  channel_.close();
  co_return decision;
}

Awaitable<Result<void>> RsyncConnection::decide(std::string question) {
  const auto request = parse_hook_question(question);
  if (!request) co_return std::unexpected(request.error());
  TransferAttempt attempt{name_, owner_, *request, [this] { stop(); }};
  Result<Admission> admission = std::unexpected(Error{});
  try {
    admission = co_await uploads_.admit(std::move(attempt));
  } catch (const std::exception& exception) {
    admission = std::unexpected(broken(exception));
  }
  if (!admission) co_return std::unexpected(admission.error());
  id_ = admission->id;
  budget_.measured(admission->upload_bytes, admission->disk, bytes_written_by(process_));
  co_return Result<void>{};
}

Awaitable<void> RsyncConnection::guard_budget() {
  while (!ended_) {
    budget_.wrote(bytes_written_by(process_));
    if (budget_.wants_measure() || with_.clock.monotonic() >= next_measure_) co_await measure();
    if (ended_) break;
    if (budget_.is_used_up()) cut("bytes");
    if (file_count_ > files_allowed_) cut("files");
    if (only_reads()) cut("bytes");
    if (!end_by_) look_for_failure();
    if (end_by_ && with_.clock.monotonic() >= *end_by_) stop();
    co_await pause();
  }
  if (!end_by_) look_for_failure();
}

Awaitable<void> RsyncConnection::pause() {
  const bool near_limit = budget_.left() < kNearLimit;
  if (near_limit && !std::exchange(yields_, true)) yield_to_others(process_);
  end_.expires_after(near_limit ? kPollNearLimit : kPoll);
  co_await end_.async_wait(kTuple);
  if (adopted_) ended_ = !files_.area().is_live(name_);
}

Awaitable<void> RsyncConnection::measure() {
  const auto begun = with_.clock.monotonic();
  const std::uint64_t written = bytes_written_by(process_);
  const auto upload = co_await files_.measure_transfer(name_, id_);
  const auto total = co_await files_.usage();
  const auto done = with_.clock.monotonic();
  next_measure_ = done + std::max(kMeasure, (done - begun) * kMeasureShare);
  if (!upload || !total) co_return;
  file_count_ = upload->files;
  // One that has too many already may be made smaller, not larger.
  if (files_allowed_ == 0) {
    files_allowed_ = std::max(uploads_.limits().max_files, adopted_ ? 0 : file_count_);
  }
  budget_.measured(upload->disk_bytes, *total, written);
  if (!ended_) budget_.wrote(bytes_written_by(process_));
}

void RsyncConnection::cut(const char* why) {
  if (!cut_) {
    with_.log.warning("transfer_over_quota", {{"upload_id", id_}, {"limit", std::string{why}}});
    if (!end_by_) end_by_ = with_.clock.monotonic() + kLastWords;
  }
  cut_ = true;
  // Again at each poll: a process forked meanwhile has the limits of its parent, but one more look
  // costs nothing.
  limit_file_size(process_, 0);
  if (file_count_ > files_allowed_) forbid_opening_files(process_);
  if (file_count_ > 2 * files_allowed_) stop();
}

/// Told to make sparse files (-S), rsync seeks over zeros: it meets no limit before their end, be
/// they without end. Reading all of an upload twice and writing nothing is more than comparing
/// takes.
bool RsyncConnection::only_reads() {
  const auto written = bytes_written_by(process_);
  const auto read = bytes_read_by(process_);
  if (written > written_ + kLittle || read < read_before_) {
    written_ = written;
    read_before_ = read;
  }
  return read - read_before_ > 2 * uploads_.limits().max_upload_bytes + kAlwaysRead;
}

/// A file that met its limit is gone again, so no budget shows it.
void RsyncConnection::look_for_failure() {
  if (!log_ || !log_->failure()) return;
  with_.log.info("transfer_failed", {{"upload_id", id_}, {"why", *log_->failure()}});
  end_by_ = with_.clock.monotonic() + kLastWords;
}

Awaitable<void> RsyncConnection::wait_for_descendants() {
  ::kill(-process_, SIGKILL);
  const auto until = with_.clock.monotonic() + kDescendants;
  while (files_.area().is_live(name_) && with_.clock.monotonic() < until) {
    co_await with_.timer.sleep_for(kPollNearLimit);
  }
}

}  // namespace flashpods::uploads
