#include "uploads/transfer_guard.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "uploads/process_io.h"

namespace flashpods::uploads {

namespace asio = boost::asio;

namespace {

/// How often the writes are counted: often enough that what slips through near the limit is small.
/// There rsync also gives way to us, however busy the host is.
constexpr Milliseconds kPoll{50};
constexpr Milliseconds kPollNearLimit{5};
constexpr std::uint64_t kNearLimit = std::uint64_t{192} << 20;
/// From here on one file at a time: more than is written between two looks on a host so busy that
/// it keeps us waiting.
constexpr std::uint64_t kFileByFile = std::uint64_t{64} << 20;
/// What messages take, written while nothing is stored.
constexpr std::uint64_t kLittle = std::uint64_t{64} << 10;
constexpr std::uint64_t kAlwaysRead = std::uint64_t{64} << 20;
/// For rsync to tell its client by itself why nothing more is taken; then it is ended. It would go
/// on for as long as its client sends.
constexpr Milliseconds kLastWords{30'000};
/// Between two measurements for the number of files; also 20 times what the last one took.
constexpr Milliseconds kMeasure{2000};
constexpr int kMeasureShare = 20;
/// So often in a row a tree may be one that we cannot measure: then nothing says how many files it
/// has.
constexpr int kMaxFailures = 3;

}  // namespace

TransferGuard::TransferGuard(Receiving receiving, RsyncProcess& process,
                             std::optional<RsyncLog>& log, std::string name)
    : uploads_(receiving.uploads),
      files_(receiving.files),
      with_(receiving.with),
      process_(process),
      log_(log),
      name_(std::move(name)),
      budget_(uploads_.limits(), uploads_.disk()),
      due_(process.executor()) {}

TransferGuard::~TransferGuard() {
  process_.hold(false);
  if (!gate_) return;  // a SIGCONT for nothing takes a debugger's SIGSTOP away, or LeakSanitizer's
  gate_.reset();
  process_.pass();
}

void TransferGuard::admit(const Admission& admission) {
  id_ = admission.id;
  budget_.wrote(bytes_written_by(process_.pid()));
  const TransferBudget::Mark begun{budget_.mark().written, admission.counted};
  budget_.measured(admission.upload_bytes, admission.disk, begun);
  // Not by a count that may have others' bytes twice: what is over is seen by polling.
  limit_file_size(process_.pid(), budget_.left_when_measured());
  gate_if_near();
}

void TransferGuard::gate_if_near() {
  if (budget_.left() >= kFileByFile || std::exchange(tried_gate_, true)) return;
  auto gate = FileGate::put_up(process_.executor(), files_.area().receiving(name_), process_.pid());
  if (gate) {
    gate_.emplace(std::move(*gate));
  } else {
    with_.log.warning("transfer_not_gated", {{"upload_id", id_}, {"why", gate.error().message}});
  }
}

Awaitable<void> TransferGuard::watch(std::string upload_id) {
  using namespace asio::experimental::awaitable_operators;
  id_ = std::move(upload_id);
  co_await (poll() && keep_measured());
  look_for_failure();
}

/// Goes on during a measurement: over many files that takes long, and rsync writes on.
Awaitable<void> TransferGuard::poll() {
  while (!process_.ended()) {
    gate_if_near();
    if (gate_) gate_->clear();
    // Before the count: what is stopped writes no more.
    const bool stopped = gate_ && is_stopped(process_.pid());
    budget_.wrote(bytes_written_by(process_.pid()));
    if (is_measure_due()) due_.cancel();
    enforce();
    if (stopped) process_.pass();
    co_await pause();
  }
  due_.cancel();
}

Awaitable<void> TransferGuard::pause() {
  using namespace asio::experimental::awaitable_operators;
  const auto interval = poll_interval();
  if (gate_) {
    co_await (process_.pause(interval) || gate_->wait());
  } else {
    co_await process_.pause(interval);
  }
}

bool TransferGuard::is_measure_due() const {
  return (!cut_ && budget_.wants_measure()) || with_.clock.monotonic() >= next_measure_;
}

Awaitable<void> TransferGuard::keep_measured() {
  while (!process_.ended()) {
    if (is_measure_due()) co_await measure();
    if (process_.ended()) break;
    due_.expires_at(asio::steady_timer::time_point::max());
    co_await due_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void TransferGuard::enforce() {
  if (budget_.is_used_up()) cut("bytes");
  if (has_too_many()) cut("files");
  if (only_reads()) cut("bytes");
  if (failures_ >= kMaxFailures) cut("unmeasured");
  look_for_failure();
  if (end_by_ && with_.clock.monotonic() >= *end_by_) process_.signal(SIGTERM);
  // Last: one that is let go has its limits by now. One that is cut off has its last words to say.
  process_.hold(!cut_ && budget_.is_in_doubt());
}

Milliseconds TransferGuard::poll_interval() {
  if (budget_.left() >= kNearLimit) return kPoll;
  if (!std::exchange(yields_, true)) yield_to_others(process_.pid());
  return kPollNearLimit;
}

Awaitable<void> TransferGuard::measure() {
  const auto begun = with_.clock.monotonic();
  const auto mark = budget_.mark();
  const bool was_cut = cut_;
  const auto upload = co_await files_.measure_transfer(name_, id_);
  const auto total = co_await files_.usage();
  const auto done = with_.clock.monotonic();
  next_measure_ = done + std::max(kMeasure, (done - begun) * kMeasureShare);
  if (upload) count_entries(*upload, was_cut);
  if (upload && total) {
    budget_.measured(upload->disk_bytes, *total, mark);
  } else {
    budget_.not_measured();
    tell_failure(upload ? total.error() : upload.error());
  }
  failures_ = upload ? 0 : failures_ + 1;
}

void TransferGuard::count_entries(const TreeContent& upload, bool since_cut) {
  entries_ = upload.entries;
  if (since_cut && !entries_at_cut_) entries_at_cut_ = entries_;
}

void TransferGuard::tell_failure(const Error& error) {
  if (std::exchange(told_failure_, true)) return;
  with_.log.warning("transfer_not_measured", {{"upload_id", id_}, {"why", error.message}});
}

void TransferGuard::cut(const char* why) {
  if (!std::exchange(cut_, true)) {
    with_.log.warning("transfer_over_quota", {{"upload_id", id_}, {"limit", std::string{why}}});
    give_last_words();
    next_measure_ = Milliseconds{0};
  }
  // Again at each poll: a process forked meanwhile has the limits of its parent, but one more look
  // costs nothing.
  limit_file_size(process_.pid(), 0);
  end_what_goes_on();
}

/// No limit of a process keeps it from making directories and empty files.
void TransferGuard::end_what_goes_on() {
  const bool grows = entries_at_cut_ && entries_ > *entries_at_cut_;
  if (!has_too_many() && !grows) return;
  if (!std::exchange(ended_, true)) {
    with_.log.warning("transfer_ended", {{"upload_id", id_}, {"entries", entries_}});
  }
  process_.signal(SIGTERM);
}

/// Told to make sparse files (-S), rsync seeks over zeros: it meets no limit before their end, be
/// they without end. Reading all of an upload twice and writing nothing is more than comparing
/// takes.
bool TransferGuard::only_reads() {
  const auto written = bytes_written_by(process_.pid());
  const auto read = bytes_read_by(process_.pid());
  if (written > written_ + kLittle || read < read_before_) {
    written_ = written;
    read_before_ = read;
  }
  return read - read_before_ > 2 * uploads_.limits().max_upload_bytes + kAlwaysRead;
}

/// A file that met its limit is gone again, so no budget shows it.
void TransferGuard::look_for_failure() {
  if (!log_ || !log_->failure() || std::exchange(failed_, true)) return;
  with_.log.info("transfer_failed", {{"upload_id", id_}, {"why", *log_->failure()}});
  give_last_words();
}

void TransferGuard::give_last_words() {
  if (!end_by_) end_by_ = with_.clock.monotonic() + kLastWords;
}

}  // namespace flashpods::uploads
