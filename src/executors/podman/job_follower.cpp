#include "executors/podman/job_follower.h"

#include <algorithm>
#include <fcntl.h>
#include <string_view>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>

#include "async/with_timeout.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "executors/shim/conmon_exit.h"
#include "executors/shim/job_files.h"
#include "executors/shim/shim_records.h"

namespace flashpods::executors {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMostRecord = 1024 * 1024;
constexpr std::size_t kLongestLine = 65536;
constexpr int kMostFailuresBeforeFirst = 5;
constexpr Milliseconds kFirstPause{20};
constexpr Milliseconds kLongestPause{10'000};
constexpr Milliseconds kStopPatience{5'000};
constexpr Milliseconds kLongLife{10'000};
/// A few that somebody kills cost the job no time.
constexpr int kDeathsWithoutPause = 5;
constexpr std::size_t kMostWords = 500;

Fd open_fifo(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
}

Awaitable<void> reap(Child child) { co_await wait_child(std::move(child)); }

jobs::Started to_started(shim::StartedRecord record) {
  const auto now = shim::boot_time();
  if (record.boot.boot == now.boot) {
    record.started.ran_for = std::max(now.since_boot - record.boot.since_boot, Milliseconds{0});
  }
  return std::move(record.started);
}

jobs::Exited to_exited(shim::ExitRecord record) {
  const auto& noted = record.boot.boot;
  record.exited.host_restarted_since = !noted.empty() && noted != shim::boot_time().boot;
  return std::move(record.exited);
}

Milliseconds pause_after(int failures) {
  return std::min(kLongestPause, kFirstPause * (1 << std::min(failures, 10)));
}

}  // namespace

struct JobFollower::Snapshot {
  std::optional<jobs::Started> started;
  std::optional<jobs::Exited> exited;
  bool removed = false;
  bool unreadable = false;  ///< one of the files is there, perhaps, and could not be read
};

JobFollower::JobFollower(const Executor& executor, std::string job_id,
                         std::filesystem::path directory, FollowerTools tools)
    : job_id_(std::move(job_id)),
      directory_(std::move(directory)),
      tools_(tools),
      changed_(executor) {}

JobFollower::Snapshot JobFollower::read_files(const std::filesystem::path& directory) {
  Snapshot snapshot;
  const auto read = [&](const char* name) {
    auto text = read_file(directory / name, kMostRecord);
    if (!text && text.error().kind != ErrorKind::kNotFound) snapshot.unreadable = true;
    return text;
  };
  if (const auto text = read(shim::kStartedFile)) {
    if (auto record = shim::parse_started(*text)) snapshot.started = to_started(std::move(*record));
  }
  if (const auto text = read(shim::kExitFile)) {
    if (auto record = shim::parse_exit(*text)) snapshot.exited = to_exited(std::move(*record));
  }
  snapshot.removed = read(shim::kRemovedFile).has_value();
  return snapshot;
}

Awaitable<bool> JobFollower::look() {
  const auto read = [directory = directory_] { return read_files(directory); };
  auto snapshot = co_await tools_.pool.run(read);
  if (snapshot.started) started = std::move(snapshot.started);
  if (snapshot.exited) exited = std::move(snapshot.exited);
  removed = removed || (snapshot.removed && exited);
  changed_.notify();
  co_return !snapshot.unreadable;
}

/// Nobody tells us twice: without a free descriptor, for one, we look until we have seen all.
Awaitable<void> JobFollower::refresh() {
  for (int tries = 0;; ++tries) {
    const bool complete = co_await look();
    if (complete) co_return;
    co_await tools_.timer.sleep_for(pause_after(tries));
  }
}

void JobFollower::hold_output() {
  if (exited) return;
  held_stdout_ = open_fifo(directory_ / shim::kStdoutFifo);
  held_stderr_ = open_fifo(directory_ / shim::kStderrFifo);
}

void JobFollower::ask_to_stop() {
  if (socket_ == nullptr || !greeted_) return;
  static constexpr std::string_view kLine = "{\"command\":\"stop\"}\n";
  // A line this short fits a fresh socket buffer; if not, the next greeting brings it again.
  ::send(socket_->native_handle(), kLine.data(), kLine.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void JobFollower::take_event(const std::string& line) {
  if (line.contains("\"hello\"")) {
    greeted_ = true;
    responsible = true;
    hold_output();
    if (stop_wanted_) ask_to_stop();
  } else if (line.contains("\"stopping\"")) {
    stop_kept_ = true;
  }
}

Awaitable<void> JobFollower::listen(ShimSocket socket) {
  socket_ = &socket;
  const std::unique_ptr<void, std::function<void(void*)>> leave(this,
                                                                [&](void*) { socket_ = nullptr; });
  greeted_ = false;
  std::string text;
  boost::system::error_code error;
  while (!removed) {
    const auto size =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(text, kLongestLine), '\n',
                                        asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    take_event(text.substr(0, size));
    text.erase(0, size);
    co_await refresh();
  }
}

Awaitable<std::optional<ShimSocket>> JobFollower::obtain_shim() {
  auto connected = co_await connect_to_shim(directory_);
  if (connected) co_return std::move(connected);
  auto shim = start_shim(co_await asio::this_coro::executor, tools_.shim_program, directory_);
  if (!shim) {
    tools_.log.error("shim_not_started", {{"job_id", job_id_}, {"error", shim.error().message}});
    if (!responsible) failure = shim.error();
    co_return std::nullopt;
  }
  tools_.tasks.start("reap shim", reap(std::move(shim->child)));
  co_return std::move(shim->socket);
}

bool JobFollower::give_up(int failures) {
  if (responsible || failures < kMostFailuresBeforeFirst) return false;
  if (!failure) {
    const auto words = read_file(directory_ / shim::kShimLog, kMostRecord).value_or("");
    tools_.log.error("shim_failed", {{"job_id", job_id_}, {"said", to_one_line(words)}});
    failure = Error{ErrorKind::kInternal, "shim_failed",
                    "The job's shim ends at once. The server's log has the reason."};
  }
  changed_.notify();
  return true;
}

Awaitable<void> JobFollower::follow() {
  const auto self = shared_from_this();
  co_await look();  // whatever cannot be read: the job needs a shim
  int deaths = 0;
  for (int failures = 0; !removed && !forced_; ++failures) {
    if (give_up(failures)) co_return;
    if (failures > 0) co_await tools_.timer.sleep_for(pause_after(failures));
    if (forced_) break;
    failure.reset();
    auto socket = co_await obtain_shim();
    if (!socket) continue;
    const auto begun = shim::since_boot();
    co_await listen(std::move(*socket));
    deaths = lived_long(begun) ? 0 : deaths + 1;
    if (greeted_ && deaths <= kDeathsWithoutPause) failures = 0;
    co_await refresh();
    if (responsible && !removed && deaths >= tools_.most_shim_deaths) co_await end_without_shims();
  }
  held_stdout_.reset();
  held_stderr_.reset();
}

Awaitable<void> JobFollower::until_stop_is_kept() {
  while (!stop_kept_ && !exited && !removed && !failure) co_await changed_.wait();
}

Awaitable<void> JobFollower::stop() {
  const auto self = shared_from_this();
  stop_wanted_ = true;
  ask_to_stop();
  // A shim that hangs or cannot be started hears of it with its greeting.
  co_await with_timeout(tools_.timer, kStopPatience, until_stop_is_kept());
}

/// A shim that ends at once is none that the job's container can be left to.
bool JobFollower::lived_long(Milliseconds begun) const {
  return greeted_ && shim::since_boot() - begun >= kLongLife;
}

/// The job does something, or the host lacks something, that no shim survives.
Awaitable<void> JobFollower::end_without_shims() {
  const auto words = read_file(directory_ / shim::kShimLog, kMostRecord).value_or("");
  tools_.log.error("shims_end",
                   {{"job_id", job_id_}, {"shim_log", to_one_line(words, kMostWords)}});
  const auto cause = stop_wanted_ ? jobs::EndCause::kCancelled : jobs::EndCause::kLost;
  for (int tries = 1; !co_await force_end(cause); ++tries) {
    co_await tools_.timer.sleep_for(pause_after(tries));
  }
}

Awaitable<Result<void>> JobFollower::force_end(jobs::EndCause cause) {
  const auto self = shared_from_this();
  forced_ = true;
  const auto prepare = [directory = directory_] {
    end_shim(directory);
    return shim::read_conmon_exit(directory);  // before the removal: that may delete it
  };
  const auto exit = co_await tools_.pool.run(prepare);
  auto gone = co_await tools_.remove(job_id_);
  if (!gone) co_return gone;
  co_await look();
  jobs::Exited end;
  end.cause = exit ? jobs::EndCause::kExited : cause;
  if (exit) end.exit_code = exit->code;
  end.at = exit ? exit->at : SystemClock().now();
  end.message = "The job's container was ended without its shim.";
  co_await note_forced_end(std::move(end));
  co_return gone;
}

/// A record that cannot be written is no obstacle: the next shim finds no container either.
Awaitable<void> JobFollower::note_forced_end(jobs::Exited end) {
  if (!exited) {
    end.started = started;
    end.log_incomplete = started.has_value();
    const auto keep = [file = directory_ / shim::kExitFile,
                       text = shim::to_text(shim::ExitRecord{end, shim::boot_time()})] {
      return write_file_durably(file, text);
    };
    [[maybe_unused]] const auto kept = co_await tools_.pool.run(keep);
    exited = std::move(end);
  }
  removed = true;
  if (socket_ != nullptr) socket_->close();
  changed_.notify();
}

}  // namespace flashpods::executors
