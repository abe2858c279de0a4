#include "uploads/rsync_connection.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "async/event_loop.h"
#include "async/retry.h"
#include "async/with_timeout.h"
#include "base/files.h"
#include "process/command_runner.h"
#include "uploads/confinement.h"
#include "uploads/rsync_config.h"
#include "uploads/rsync_hook.h"
#include "uploads/rsync_refusal.h"

namespace flashpods::uploads {

namespace asio = boost::asio;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr const char* kConfigFile = "rsyncd.conf";

/// To log in and say what is wanted.
constexpr Milliseconds kLogin{60'000};
constexpr Milliseconds kDescendants{5000};
constexpr Milliseconds kPollDescendants{5};

/// Files that the sender deleted while it sent are no error: rsync(1) calls code 24 a warning. Code
/// 23 is one: a file that could not be read or written is missing.
constexpr int kVanishedFiles = 24;

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

/// To whoever it is: the client has not logged in.
std::string reason_for_client(const Error& error) {
  return error.kind == ErrorKind::kInsufficientStorage
             ? "The host's disk is full. Try again later."
             : "The host has a problem, and takes no upload now. Its log says more.";
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
      process_(executor) {}

Awaitable<void> RsyncConnection::run(asio::ip::tcp::socket socket) {
  co_await unbroken(serve(std::move(socket)));
  co_await uploads_.end_transfer(name_, id_, ended_well_);
}

/// Whatever fails, the upload is given back, and no process writes to it any more.
Awaitable<void> RsyncConnection::unbroken(Awaitable<void> work) {
  const auto failure = co_await failure_of(std::move(work));
  if (!failure) co_return;
  ended_well_ = false;
  with_.log.error("transfer_broken", {{"upload_id", id_}, {"why", *failure}});
  if (process_.pid() > 0) co_await end_descendants();
}

Awaitable<void> RsyncConnection::serve(asio::ip::tcp::socket socket) {
  using namespace asio::experimental::awaitable_operators;
  const auto begun = start(socket);
  if (!begun) {
    with_.log.write(LogLevel::kError, "rsync_not_started", {{"why", begun.error().message}},
                    kStrangersRate);
    auto refused = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
    co_await refuse_client(std::move(refused), with_.timer, reason_for_client(begun.error()));
  } else {
    socket.close();
    co_await (await_end() && supervise());
    co_await end_descendants();
  }
}

Awaitable<void> RsyncConnection::run_survivor(FoundTransfer survivor) {
  id_ = survivor.ids.front();
  process_.adopt(survivor.process, [this] { return files_.area().is_live(name_); });
  if (auto log = RsyncLog::open(files_.area().log(name_))) log_ = std::move(*log);
  uploads_.adopt(survivor, [this] { stop(); });
  with_.log.info("transfer_adopted", {{"upload_id", id_}});
  TransferGuard guard({uploads_, files_, with_}, process_, log_, name_);
  co_await unbroken(guard.watch(id_));
  // No child of ours, so nobody tells its exit status: its log does.
  co_await uploads_.end_transfer(name_, id_, log_ && log_->ended_well());
}

void RsyncConnection::stop() { process_.signal(SIGTERM); }

Result<void> RsyncConnection::start(asio::ip::tcp::socket& socket) {
  auto slot = files_.area().open(name_);
  if (!slot) return std::unexpected(slot.error());
  uploads_.open_transfer(name_);
  auto log = RsyncLog::open(files_.area().log(name_));
  if (!log) return std::unexpected(log.error());
  log_ = std::move(*log);
  if (auto written = write_config(*slot); !written) return written;
  auto ends = socket_pair();
  if (!ends) return std::unexpected(ends.error());
  socket.native_non_blocking(false);
  boost::system::error_code refused;
  channel_.assign({}, ends->first.get(), refused);
  if (refused) return std::unexpected(registration_error(refused, "Cannot start rsync"));
  (void)ends->first.release();
  auto child = spawn(*slot, socket.native_handle(), ends->second.get());
  if (!child) return std::unexpected(child.error());
  process_.start(std::move(*child));
  if (auto noted = files_.area().write_process(name_, process_.pid()); !noted) stop();
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
  const auto exit = co_await process_.await_end();
  ended_well_ = exit.signal == 0 && (exit.code == 0 || exit.code == kVanishedFiles);
  with_.log.debug("rsync_ended",
                  {{"upload_id", id_}, {"code", exit.code}, {"signal", exit.signal}});
}

Awaitable<void> RsyncConnection::supervise() {
  TransferGuard guard({uploads_, files_, with_}, process_, log_, name_);
  const auto answered = co_await answer_hook(guard);
  if (!answered) {
    with_.log.write(LogLevel::kInfo, "transfer_refused",
                    {{"peer", owner_}, {"why", answered.error().message}}, kStrangersRate);
    co_return;
  }
  with_.log.info("transfer_started", {{"peer", owner_}, {"upload_id", id_}});
  co_await guard.watch(id_);
}

Awaitable<Result<void>> RsyncConnection::answer_hook(TransferGuard& guard) {
  std::string question;
  auto read =
      asio::async_read_until(channel_, asio::dynamic_buffer(question, kMaxHookLine), '\n', kTuple);
  const auto got = co_await with_timeout(with_.timer, kLogin, std::move(read));
  if (!got) stop();
  if (!got || std::get<0>(*got)) {
    co_return fail(ErrorKind::kTimeout, "no_request", "The client did not ask for a transfer.");
  }
  auto decision = co_await decide(std::move(question), guard);
  const std::string answer = hook_answer(decision);
  co_await asio::async_write(channel_, asio::buffer(answer), kTuple);
  channel_.close();
  co_return decision;
}

Awaitable<Result<void>> RsyncConnection::decide(std::string question, TransferGuard& guard) {
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
  guard.admit(*admission);
  co_return Result<void>{};
}

Awaitable<void> RsyncConnection::end_descendants() {
  ::kill(-process_.pid(), SIGKILL);
  const auto until = with_.clock.monotonic() + kDescendants;
  while (files_.area().is_live(name_) && with_.clock.monotonic() < until) {
    co_await with_.timer.sleep_for(kPollDescendants);
  }
}

}  // namespace flashpods::uploads
