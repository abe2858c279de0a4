#include "executors/shim/supervisor.h"

#include <algorithm>
#include <fcntl.h>
#include <limits>
#include <signal.h>

#include "base/failpoint.h"
#include "base/files.h"
#include "executors/podman/podman_words.h"
#include "executors/podman/run_command.h"
#include "executors/shim/end_cause.h"
#include "executors/shim/job_files.h"
#include "executors/shim/leftovers.h"
#include "executors/shim/output_keeper.h"

namespace flashpods::shim {

namespace {

using jobs::EndCause;
using jobs::Exited;

constexpr std::size_t kMostRecord = 1024 * 1024;
constexpr Milliseconds kOldPodmanPatience{20'000};
constexpr Milliseconds kKillPatience{10'000};
constexpr Milliseconds kConmonPatience{2'000};
constexpr Milliseconds kConmonLimit{12'000};
constexpr Milliseconds kNotingPause{1'000};
constexpr Milliseconds kFirstPause{200};
constexpr Milliseconds kLongestPause{30'000};
constexpr int kRecordTries = 5;
constexpr const char* kOtherConmon =
    "Podman started the container with another conmon than ours, so without its isolation. It was "
    "ended: is flashpods-shim still installed?";
constexpr int kForEver = std::numeric_limits<int>::max();
/// For output that is still to be kept, the record of the end, and the daemon's database.
constexpr std::uint64_t kRoomForTheEnd = std::uint64_t{16} * 1024 * 1024;

/// Held before its first instruction, a container can only be killed: any other code is the
/// command's. So is this one, if the command spoke.
bool may_be_of_a_held_container(int code) { return code == 128 + SIGKILL || code == 128 + SIGTERM; }

bool is_greedy(EndCause cause) {
  return cause == EndCause::kDiskQuota || cause == EndCause::kKernelLimit;
}

bool create_file(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  return static_cast<bool>(file);
}

}  // namespace

Supervisor::Supervisor(Parts parts) : with_(parts), watch_(parts.loop, parts.children) {
  if (!exists(kBegunFile) || exists(kExitFile)) return;
  output_lost_ = with_.output.has_new_buffer();
  start_output_keeper(with_.job.spec.directory);
  const auto text = read_file(with_.job.spec.directory / kStartedFile, kMostRecord);
  if (!text) return;
  if (auto record = parse_started(*text)) started_ = std::move(*record);
}

bool Supervisor::exists(const char* file) const {
  std::error_code ignored;
  return std::filesystem::exists(with_.job.spec.directory / file, ignored);
}

// Where the directory itself is gone, here and below, a new daemon has removed the container and
// all that the job had in our place: nobody waits for our notes.
void Supervisor::run_to_exit() {
  if (exists(kExitFile)) return;
  auto exited = supervise();
  const auto synced = with_.output.log().sync();
  exited.log_incomplete = !synced || (output_lost_ && exited.started && !watch_.saw_init());
  exited.log_bytes = with_.output.log().bytes();
  exited.log_truncated = with_.output.log().truncated();
  const auto file = with_.job.spec.directory / kExitFile;
  FLASHPODS_FAILPOINT("shim.exiting");
  const auto text = to_text(ExitRecord{std::move(exited), boot_time()});
  // On a full disk the truth waits until it can be kept.
  for (auto wait = kFirstPause; !write_file_durably(file, text) && exists("");
       wait = std::min(2 * wait, kLongestPause)) {
    remove_scratch();
    with_.loop.pause(wait);
  }
  FLASHPODS_FAILPOINT("shim.exited");
  with_.control.tell("exited");
}

/// With its processes gone it is of no use to anybody, and may be what fills the disk: waiting for
/// room, we would wait for what goes only once the end is noted.
void Supervisor::remove_scratch() {
  const auto scratch = with_.job.spec.directory / podman::kScratchDirectory;
  [[maybe_unused]] const auto removed = remove_tree(scratch);
}

void Supervisor::remove_until_gone() {
  if (!watch_.saw_the_end()) end_leftovers(with_.loop, with_.job.spec.job_id);
  for (auto wait = kFirstPause; !with_.podman.remove(); wait = std::min(2 * wait, kLongestPause)) {
    with_.loop.pause(wait);
  }
}

void Supervisor::remove_container() {
  FLASHPODS_FAILPOINT("shim.removing");
  remove_until_gone();
  FLASHPODS_FAILPOINT("shim.container_gone");
  const auto file = with_.job.spec.directory / kRemovedFile;
  for (auto wait = kFirstPause; !write_file_durably(file, "") && exists("");
       wait = std::min(2 * wait, kLongestPause)) {
    with_.loop.pause(wait);
  }
  FLASHPODS_FAILPOINT("shim.removed");
  with_.control.tell("removed");
}

Exited Supervisor::supervise() {
  if (auto exited = obtain_container()) {
    quote_runtime(*exited, settle_output());
    return *exited;
  }
  watch_until_over();
  auto exited = judge();
  const auto room = free_space(with_.job.spec.directory);
  if (room && *room < kRoomForTheEnd) remove_scratch();
  settle_output();
  exited.started = started_->started;
  if (seen_ended_at_) exited.at = std::min(exited.at, *seen_ended_at_);
  exited.at =
      std::max(exited.at, started_->started.at);  // podman's end is a file's time, a tick early
  return exited;
}

/// Once the OCI runtime has given the pid each word is the job's; before, only conmon had any. Who
/// still writes, unseen by us, would never be done, and so ends first. Podman's record stays for a
/// next shim to read until exit.json is written.
std::string Supervisor::settle_output() {
  if (!started_ && !exists(podman::kContainerPidFile)) return with_.output.discard();
  if (!watch_.saw_the_end()) end_writers(with_.loop, with_.job.spec.job_id);
  with_.output.drain(with_.loop);
  return {};
}

/// What conmon and the OCI runtime say goes to the job's output (conmon_stage.h): podman, which
/// does not see it, gives no reason or a wrong one.
void Supervisor::quote_runtime(Exited& exited, const std::string& words) {
  auto said = podman::podman_message(words);
  if (exited.cause != EndCause::kStartFailed || said.empty()) return;
  if (exited.message.starts_with(kNotStarted)) exited.message = kNotStarted;
  exited.details = std::move(said);
}

Exited Supervisor::ended_early(EndCause cause, std::string message) const {
  Exited exited;
  exited.cause = cause;
  exited.message = std::move(message);
  exited.at = with_.clock.now();
  if (started_) exited.started = started_->started;
  if (with_.stop.made()) {
    exited.cause = with_.stop.get()->cause;
    exited.message = started_ ? "The job was stopped." : "The job was stopped before it started.";
  }
  return exited;
}

Exited Supervisor::start_failed(const ContainerStart& start) const {
  const auto& failure = start.failure();
  auto exited = ended_early(failure.cause, failure.message);
  exited.log_details = failure.log_details;
  if (exited.cause == failure.cause) exited.details = failure.details;
  return exited;
}

/// Since the job was handed to its first shim. No start comes after that, so nothing that a start
/// notes down need outlive the host: `begun` is not synced, and costs a start no time.
bool Supervisor::host_restarted() const { return with_.job.launched.boot != boot_time().boot; }

/// What podman noted last may not have reached the disk: the command may have run.
Exited Supervisor::lost_with_the_host() const {
  return ended_early(EndCause::kLost, "The host restarted; the job's exit code is unknown.");
}

/// Nothing if a container was started some time, running or over by now.
std::optional<Exited> Supervisor::obtain_container() {
  const bool lost = host_restarted();
  if (!exists(kBegunFile)) return lost ? lost_with_the_host() : start_anew();
  if (!lost) await_group(with_.loop, with_.job.spec.directory / kPodmanPidFile, kOldPodmanPatience);
  return find_or_start();
}

/// Podman's silence says nothing about the container: it is asked again, as often as makes sense.
Inspected Supervisor::ask_podman(int tries) {
  auto found = with_.podman.inspect();
  for (auto wait = kFirstPause; !found.answered && --tries > 0;
       wait = std::min(2 * wait, kLongestPause)) {
    with_.loop.pause(wait);
    found = with_.podman.inspect();
  }
  return found;
}

std::optional<Exited> Supervisor::find_or_start() {
  const bool lost = host_restarted();  // or over; at the most an exit code is to be had
  const auto found = ask_podman(lost ? kRecordTries : started_ ? 1 : kForEver);
  if (found.record) return adopt(*found.record);
  if (lost) return lost_with_the_host();
  if (!found.answered) {
    follow_started();
    return std::nullopt;
  }
  if (started_ || exists(podman::kContainerIdFile)) {
    return ended_early(EndCause::kLost, "The container vanished; its exit code is unknown.");
  }
  return clear_and_start();
}

/// An earlier shim's files are enough to watch the job, to stop it and to keep its output.
void Supervisor::follow_started() {
  with_.output.begin(with_.loop);
  watch_.open(with_.job.spec.directory, started_->started.container_id);
}

std::optional<Exited> Supervisor::adopt(const podman::ContainerRecord& record) {
  if (is_anothers(record)) return name_is_taken();
  if (record.ever_started()) {
    note_started(record);
    return std::nullopt;
  }
  if (host_restarted()) return lost_with_the_host();
  return adopt_unnoted(record);
}

bool Supervisor::is_anothers(const podman::ContainerRecord& record) const {
  return record.instance != with_.job.spec.instance;
}

Exited Supervisor::name_is_taken() const {
  return ended_early(EndCause::kStartFailed,
                     "A container of this name exists already and belongs to somebody else.");
}

/// Podman was killed between making the container and noting that it started; a shim before us may
/// have noted it.
std::optional<Exited> Supervisor::adopt_unnoted(podman::ContainerRecord record) {
  watch_.open(with_.job.spec.directory, record.id);
  switch (watch_.progress()) {
    case ContainerWatch::Progress::kNotCreated:
    case ContainerWatch::Progress::kWaiting:
      if (!started_) return clear_and_start();
      return ended_early(EndCause::kLost, "The container vanished; its exit code is unknown.");
    case ContainerWatch::Progress::kRunning:
      record.started_at = started_ ? started_->started.at : with_.clock.now();
      note_started(record);
      return std::nullopt;
    case ContainerWatch::Progress::kUnknown:
      break;
  }
  with_.loop.run_until([this] { return watch_.over(); }, since_boot() + kConmonPatience);
  const auto exit = read_conmon_exit(with_.job.spec.directory);
  const bool ran = started_ || with_.output.has_any();
  if (!exit || (!ran && may_be_of_a_held_container(exit->code))) {
    return ended_early(EndCause::kLost, "Podman was killed; whether the command ran is unknown.");
  }
  note_ended(record, *exit);
  note_started(record);
  return std::nullopt;
}

/// In the place of what podman did not live to write.
void Supervisor::note_ended(podman::ContainerRecord& record, const ConmonExit& exit) const {
  record.status = "exited";
  record.finished_at = exit.at;
  record.started_at = started_ ? started_->started.at : exit.at;
  record.exit_code = exit.code;
}

/// What an interrupted podman left (a container, or only its storage) would keep the name in use,
/// and what its OCI runtime said is none of the job's output; nor does it prove, to a shim after
/// us, that the command ran before we killed it.
std::optional<Exited> Supervisor::clear_and_start() {
  with_.output.discard();
  remove_until_gone();
  with_.output.discard();
  return start_anew();
}

/// The OCI runtime writes the pid before the first instruction; conmon complains only before that.
void Supervisor::await_output() {
  with_.output.begin_with_output(with_.loop, [this] { return exists(podman::kContainerPidFile); });
}

/// Podman is not called before the next shim could know of it.
std::optional<Exited> Supervisor::note_begun(const ContainerStart& start) {
  const auto file = with_.job.spec.directory / kBegunFile;
  const auto stopped = [this] { return with_.stop.made(); };
  std::string why = "The disk has no room to note the start.";
  const auto ready = [&] {
    const auto prepared = start.prepare();
    if (!prepared) why = "The start could not be prepared: " + prepared.error().message;
    return prepared && create_file(file);
  };
  for (auto wait = kFirstPause; !ready(); wait = std::min(2 * wait, kLongestPause)) {
    with_.loop.run_until(stopped, std::min(since_boot() + wait, start.deadline()));
    if (stopped()) return ended_early(EndCause::kCancelled, {});
    if (since_boot() >= start.deadline()) {
      return ended_early(EndCause::kStartFailed, why);
    }
  }
  return std::nullopt;
}

std::optional<Exited> Supervisor::start_anew() {
  output_lost_ = false;  // there is none yet
  if (with_.stop.made()) return ended_early(EndCause::kCancelled, {});
  ContainerStart start(with_.job, with_.loop, with_.podman, with_.stop, [this] {
    with_.output.discard();
    await_output();
  });
  FLASHPODS_FAILPOINT("shim.beginning");
  if (auto exited = note_begun(start)) return exited;
  FLASHPODS_FAILPOINT("shim.begun");
  await_output();
  const auto outcome = start.run();
  FLASHPODS_FAILPOINT("shim.podman_ran");
  switch (outcome) {
    case ContainerStart::Outcome::kRuns:
      if (!has_our_conmon()) return ended_early(EndCause::kStartFailed, kOtherConmon);
      note_started_now();
      return std::nullopt;
    case ContainerStart::Outcome::kPerhaps:
      return look_after_failure(start);
    case ContainerStart::Outcome::kFailed:
      break;
  }
  return start_failed(start);
}

/// Our step before conmon leaves the link to its exit file. Without that step the container has
/// neither its output nor its limits nor its isolation: podman found another conmon.
bool Supervisor::has_our_conmon() const {
  std::error_code ignored;
  return std::filesystem::is_symlink(with_.job.spec.directory / kExitCodeLink, ignored);
}

/// A podman that failed may have started the command all the same: killed before it could say so,
/// or without the room to note it down. And it may have noted a start that the OCI runtime still
/// holds.
std::optional<Exited> Supervisor::look_after_failure(const ContainerStart& start) {
  using Progress = ContainerWatch::Progress;
  const auto record = ask_podman(kForEver).record;
  if (!record) return start_failed(start);
  if (is_anothers(*record)) return name_is_taken();
  watch_.open(with_.job.spec.directory, record->id);
  const auto progress = watch_.progress();
  const bool held = progress == Progress::kNotCreated || progress == Progress::kWaiting;
  if (!held && record->ever_started()) return adopt(*record);
  const bool nobody_knows = progress == Progress::kUnknown && start.podman_was_killed();
  if (progress == Progress::kRunning || nobody_knows) return adopt_unnoted(*record);
  return start_failed(start);
}

/// A full disk does not keep the command waiting: it is noted as soon as there is room, unless the
/// end, which says as much, comes before.
void Supervisor::keep_started() {
  const auto file = with_.job.spec.directory / kStartedFile;
  FLASHPODS_FAILPOINT("shim.noting_started");
  if (exists(kExitFile)) return;
  if (!write_file_durably(file, to_text(*started_))) {
    return with_.loop.call_at(since_boot() + kNotingPause, [this] { keep_started(); });
  }
  FLASHPODS_FAILPOINT("shim.started");
  with_.control.tell("started");
}

/// The command runs: its output may go into the log. Podman's record follows at leisure.
void Supervisor::note_started_now() {
  with_.output.begin(with_.loop);
  StartedRecord started{{with_.clock.now(), {}, {}}, boot_time()};
  const auto id = read_file(with_.job.spec.directory / podman::kContainerIdFile, 128);
  started.started.container_id = id.value_or("");
  started_ = std::move(started);
  watch_.open(with_.job.spec.directory, started_->started.container_id);
  record_ = with_.podman.inspect().record;
  if (record_) {
    started_->started.image_digest = record_->image_digest;
    started_->started.at = record_->started_at.value_or(started_->started.at);
  }
  keep_started();
}

/// How long ago that was, by a clock that may have been set since: never before the launch.
Milliseconds Supervisor::age_of(Time moment) const {
  const auto age = std::max(with_.clock.now() - moment, Milliseconds{0});
  if (host_restarted()) return age;
  return std::min(age, std::max(since_boot() - with_.job.launched.since_boot, Milliseconds{0}));
}

void Supervisor::note_started(const podman::ContainerRecord& record) {
  with_.output.begin(with_.loop);
  record_ = record;
  if (!started_) {
    const auto at = *record.started_at;
    started_ = StartedRecord{{at, record.id, record.image_digest}, boot_time()};
    started_->boot.since_boot -= age_of(at);
  }
  watch_.open(with_.job.spec.directory, record.id);
  keep_started();
}

Milliseconds Supervisor::run_deadline() const {
  return started_->boot.since_boot + with_.job.spec.run_limit;
}

/// Podman's record; the pid is ours where podman did not live to note it.
std::optional<podman::ContainerRecord> Supervisor::known_whereabouts() const {
  auto record = record_;
  if (record && record->pid <= 0) record->pid = watch_.init_pid();
  return record;
}

DiskWatch Supervisor::watch_disk() {
  return {with_.tool, with_.job.spec, known_whereabouts(), [this](const ToolLimits& limits) {
            if (!record_) record_ = with_.podman.inspect(limits).record;
            return known_whereabouts();
          }};
}

void Supervisor::watch_until_over() {
  auto disk = watch_disk();
  EpollWatch epoll(with_.loop, with_.children, [this](std::string why) {
    with_.stop.make(EndCause::kKernelLimit, std::move(why));
  });
  watch_until_ended_or_stopped(disk, epoll);
  if (watch_.saw_init()) stopped_while_running_ = watch_.init_pid() > 0;
  if (watch_.ended()) seen_ended_at_ = with_.clock.now();
  if (with_.stop.made() && !watch_.ended()) end_politely_then_firmly(disk, epoll);
  await_conmon();
}

void Supervisor::watch_until_ended_or_stopped(DiskWatch& disk, EpollWatch& epoll) {
  const auto ended_or_stopped = [this] { return watch_.ended() || with_.stop.made(); };
  while (!ended_or_stopped()) {
    epoll.keep_counting(watch_.init_pid());
    const auto look = std::min(run_deadline(), disk.next_look());
    if (with_.loop.run_until(ended_or_stopped, look)) return;
    if (since_boot() >= run_deadline()) with_.stop.make(EndCause::kTimedOut);
    if (auto why = disk.look(run_deadline(), ended_or_stopped))
      with_.stop.make(EndCause::kDiskQuota, *why);
    if (watch_.is_uncertain()) reopen_watch();
  }
}

void Supervisor::reopen_watch() {
  watch_.open(with_.job.spec.directory, started_->started.container_id);
}

/// The command is over. conmon's end means that podman's record is true; a record that speaks of
/// the end already is as good.
void Supervisor::await_conmon() {
  const auto begun = since_boot();
  while (!with_.loop.run_until([this] { return watch_.over(); }, since_boot() + kConmonPatience)) {
    if (record_says_ended()) return;
    hurry_conmon(since_boot() - begun);
  }
}

/// A conmon that was stopped goes on and writes the exit code. One that hangs is killed: the init
/// is then a child of the shim, which is a subreaper, or the kernel still knows how it ended.
void Supervisor::hurry_conmon(Milliseconds waited) {
  if (!watch_.follows_init()) reopen_watch();
  if (!watch_.only_conmon_is_left()) return;
  watch_.signal_conmon(waited < kConmonLimit ? SIGCONT : SIGKILL);
}

bool Supervisor::record_says_ended() {
  if (auto found = with_.podman.inspect(); found.record) record_ = std::move(found.record);
  return record_ && record_->ended();
}

void Supervisor::send(int signal) {
  if (!watch_.signal(signal)) with_.podman.kill(signal);
}

/// The grace counts from the signal: a start that was slow to end takes none of it. Who takes what
/// others need gets no time to go on with it.
void Supervisor::end_politely_then_firmly(DiskWatch& disk, const EpollWatch& epoll) {
  const auto over = [this] { return watch_.ended(); };
  const auto over_or_greedy = [&] { return over() || epoll.exceeded(); };
  if (!is_greedy(with_.stop.get()->cause)) {
    send(SIGTERM);
    const auto until = since_boot() + with_.job.spec.grace;
    while (since_boot() < until && !over_or_greedy() && !disk.look(until, over_or_greedy)) {
      with_.loop.run_until(over_or_greedy, std::min(until, disk.next_look()));
    }
    if (over()) return;
  }
  send(SIGKILL);
  while (!with_.loop.run_until(over, since_boot() + kKillPatience)) {
    if (watch_.is_uncertain()) reopen_watch();
    if (record_says_ended()) return;
    send(SIGKILL);
  }
}

/// Podman may note the end a moment after it.
void Supervisor::await_podmans_end() {
  for (int tries = 0; tries < kRecordTries && !(record_ && record_->ended()); ++tries) {
    if (tries > 1) with_.loop.pause(kFirstPause);
    auto found = ask_podman(can_do_without_podman() ? 1 : kForEver);
    if (found.record) record_ = std::move(found.record);
  }
}

/// Where somebody else knows the end, or whatever podman could say would make no difference.
bool Supervisor::can_do_without_podman() {
  return read_conmon_exit(with_.job.spec.directory) || watch_.init_status() || with_.stop.made() ||
         host_restarted();
}

Exited Supervisor::judge() {
  await_podmans_end();
  const auto exit = read_conmon_exit(with_.job.spec.directory);
  if (exit && !(record_ && record_->ended())) {
    if (!record_) record_.emplace();
    note_ended(*record_, *exit);
  }
  return judge_end(
      {record_, watch_.init_status(), with_.stop.get(), with_.clock.now(), stopped_while_running_});
}

}  // namespace flashpods::shim
