#include "jobs/lifecycle.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "artifacts/repository.h"
#include "async/fake_timer.h"
#include "base/temporary_directory.h"
#include "jobs/fakes.h"
#include "jobs/retention.h"
#include "jobs/state_machine.h"
#include "uploads/repository.h"

namespace flashpods::jobs {
namespace {

using namespace std::chrono_literals;

/// One daemon after another over the same database, disk and containers.
class LifecycleTest : public testing::Test {
 protected:
  LifecycleTest() {
    limits_.capacity = {8, 16};
    start_daemon();
  }
  ~LifecycleTest() override { stop_daemon(); }

  void start_daemon() {
    store_ = std::move(*SqliteStore::open(directory_ / "db", SqliteStore::Threading::kInline));
    executor_ = std::make_unique<FakeExecutor>(world_);
    const Surroundings with{*store_, *executor_, files_, clock_, random_, timer_, log_};
    jobs_ = std::make_unique<Lifecycle>(with, limits_, "instance", true, io_.get_executor());
    retention_ = std::make_unique<Retention>(with, jobs_->limits());
  }
  void stop_daemon() {
    await(jobs_->close());
    jobs_.reset();
    executor_.reset();
    store_.reset();
  }
  void restart_daemon() {
    stop_daemon();
    start_daemon();
    await(jobs_->recover());
    settle();
  }

  /// Runs a coroutine to its end, the others going on meanwhile.
  template <class T>
  T await(Awaitable<T> task) {
    std::optional<T> value;
    std::exception_ptr error;
    bool done = false;
    boost::asio::co_spawn(io_, std::move(task), [&](std::exception_ptr e, T v) {
      error = e;
      value = std::move(v);
      done = true;
    });
    turn_until([&] { return done; });
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
  void await(Awaitable<void> task) {
    std::exception_ptr error;
    bool done = false;
    boost::asio::co_spawn(io_, std::move(task), [&](std::exception_ptr e) {
      error = e;
      done = true;
    });
    turn_until([&] { return done; });
    if (error) std::rethrow_exception(error);
  }
  void turn_until(const std::function<bool()>& done) {
    for (int i = 0; i < 10000 && !done(); ++i) {
      io_.restart();
      io_.poll_one();
    }
    ASSERT_TRUE(done());
  }
  void settle() {
    for (int i = 0; i < 500; ++i) {
      io_.restart();
      io_.poll_one();
    }
  }

  JobRequest request() {
    JobRequest wanted;
    wanted.command = "make";
    wanted.image = "busybox";
    wanted.resources = {2, 4};
    wanted.timeout_minutes = 30;
    wanted.keep_minutes = 60;
    return wanted;
  }
  std::string create() {
    const auto creation = await(jobs_->create(request()));
    settle();
    return creation->job.id;
  }
  Job job(const std::string& id) {
    return *await(store_->transact([id](Transaction& tx) { return find(tx, id); }));
  }
  Status status(const std::string& id) { return job(id).status; }
  Usage held() {
    return await(store_->transact([](Transaction& tx) { return usage(tx); }));
  }
  void run(const std::string& id) {
    world_.at(id).started = Started{clock_.now(), "c-" + id, "sha256:1"};
    settle();
  }
  void exit(const std::string& id, EndCause cause, std::optional<int> code) {
    Exited exited;
    exited.cause = cause;
    exited.exit_code = code;
    exited.started = world_.at(id).started;
    exited.at = clock_.now();
    world_.at(id).exited = exited;
    settle();
  }
  void remove(const std::string& id) {
    world_.at(id).removed = true;
    settle();
  }
  void advance(Milliseconds by) {
    timer_.advance(by);
    settle();
  }
  /// Up to here, and not a moment earlier, the executor is asked to end one more job by force.
  void expect_forced_after(Milliseconds limit) {
    const auto before = executor_->forced.size();
    advance(limit - 1ms);
    EXPECT_EQ(executor_->forced.size(), before);
    advance(1ms);
    EXPECT_EQ(executor_->forced.size(), before + 1);
  }
  using Forced = std::vector<std::pair<std::string, EndCause>>;
  [[nodiscard]] Milliseconds grace_and_bound() const {
    return limits_.grace + limits_.overdue_bound;
  }
  /// Its container ends like this, and is gone, before the next daemon comes.
  void end_between_daemons(const std::string& id, Exited exited) {
    stop_daemon();
    exited.started = world_.at(id).started;
    world_.at(id).exited = exited;
    world_.at(id).removed = true;
    start_daemon();
    await(jobs_->recover());
    settle();
  }

  TemporaryDirectory directory_;
  boost::asio::io_context io_{1};
  FakeClock clock_;
  SeededRandom random_{1};
  FakeTimer timer_{clock_};
  Log log_{clock_, 2, LogLevel::kError};
  JobLimits limits_;
  FakeExecutor::World world_;
  FakeJobFiles files_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<FakeExecutor> executor_;
  std::unique_ptr<Lifecycle> jobs_;
  std::unique_ptr<Retention> retention_;
};

TEST_F(LifecycleTest, AJobRunsAndIsReleased) {
  const std::string id = create();
  EXPECT_EQ(status(id), Status::kStarting);
  run(id);
  EXPECT_EQ(status(id), Status::kRunning);
  clock_.advance(90s);
  exit(id, EndCause::kExited, 0);
  EXPECT_EQ(status(id), Status::kCompleted);
  EXPECT_EQ(held().jobs, 1) << "its container is not confirmed gone yet";
  remove(id);
  EXPECT_EQ(held().jobs, 0);
  EXPECT_TRUE(files_.workspaces.empty());
  EXPECT_EQ(job(id).exit_code, 0);
}

TEST_F(LifecycleTest, AHostThatLacksSomethingForAWhileCostsNoJob) {
  executor_->lacking = 4;
  const std::string id = create();
  for (int i = 0; i < 4; ++i) advance(30s);
  executor_->lacking = 4;
  run(id);
  for (int i = 0; i < 4; ++i) advance(30s);
  executor_->lacking = 4;
  exit(id, EndCause::kExited, 3);
  for (int i = 0; i < 4; ++i) advance(30s);
  remove(id);
  EXPECT_EQ(executor_->lacking, 0);
  EXPECT_EQ(executor_->created, 1);
  EXPECT_EQ(job(id).exit_code, 3);
  EXPECT_TRUE(job(id).released_at);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, OneKeyIsOneContainer) {
  JobRequest keyed = request();
  keyed.client_job_id = "key";
  const auto first = await(jobs_->create(keyed));
  const auto second = await(jobs_->create(keyed));
  keyed.command = "other";
  const auto third = await(jobs_->create(keyed));
  settle();
  EXPECT_TRUE(first->created);
  EXPECT_FALSE(second->created);
  EXPECT_EQ(first->job.id, second->job.id);
  EXPECT_EQ(third->differs, std::vector<std::string>{"command"});
  EXPECT_EQ(executor_->created, 1);
}

TEST_F(LifecycleTest, ACleanedJobGivesItsKeyBack) {
  JobRequest keyed = request();
  keyed.client_job_id = "key";
  const auto first = await(jobs_->create(keyed));
  settle();
  run(first->job.id);
  exit(first->job.id, EndCause::kExited, 0);
  remove(first->job.id);
  clock_.advance(25h);
  await(retention_->sweep());
  EXPECT_EQ(status(first->job.id), Status::kCleaned);
  const auto second = await(jobs_->create(keyed));
  EXPECT_TRUE(second->created);
  EXPECT_NE(second->job.id, first->job.id);
}

TEST_F(LifecycleTest, ResourcesBeyondTheHostAreRefused) {
  for (int i = 0; i < 4; ++i) create();
  const auto fifth = await(jobs_->create(request()));
  ASSERT_FALSE(fifth.has_value());
  EXPECT_EQ(fifth.error().code, "insufficient_resources");
  EXPECT_EQ(held().held, (Resources{8, 16}));
}

TEST_F(LifecycleTest, StartsAreBoundedAndTheRestPends) {
  limits_.concurrent_starts = 1;
  stop_daemon();
  start_daemon();
  const std::string first = create();
  const std::string second = create();
  EXPECT_EQ(status(first), Status::kStarting);
  EXPECT_EQ(status(second), Status::kPending);
  run(first);
  EXPECT_EQ(status(second), Status::kStarting);
}

TEST_F(LifecycleTest, APendingJobIsCancelledAtOnceAndHoldsNothing) {
  limits_.concurrent_starts = 1;
  stop_daemon();
  start_daemon();
  const std::string first = create();
  const std::string second = create();
  const auto stopped = await(jobs_->stop(second));
  EXPECT_EQ(stopped->status, Status::kCancelled);
  settle();
  EXPECT_EQ(held().jobs, 1);
  run(first);
  EXPECT_FALSE(world_.contains(second));
  EXPECT_EQ(status(second), Status::kCancelled);
}

TEST_F(LifecycleTest, AStopReachesTheContainerAndWinsOverItsExitCode) {
  const std::string id = create();
  run(id);
  const auto stopped = await(jobs_->stop(id));
  EXPECT_EQ(stopped->status, Status::kRunning);
  EXPECT_TRUE(world_.at(id).stop_asked);
  exit(id, EndCause::kExited, 0);
  EXPECT_EQ(status(id), Status::kCancelled);
  const auto again = await(jobs_->stop(id));
  EXPECT_EQ(again->status, Status::kCancelled);
}

TEST_F(LifecycleTest, AnUnknownJobCannotBeStopped) {
  EXPECT_EQ(await(jobs_->stop("job_aaaaaaaaaaaaaaaa")).error().code, "job_not_found");
}

TEST_F(LifecycleTest, AJobWhoseLaunchFailsSaysWhy) {
  executor_->fail_launch = true;
  const std::string id = create();
  EXPECT_EQ(status(id), Status::kFailed);
  EXPECT_EQ(job(id).error, "container_start_failed");
  EXPECT_EQ(job(id).message, "no shim");
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, ARestartFindsARunningJobAgain) {
  const std::string id = create();
  run(id);
  restart_daemon();
  EXPECT_EQ(status(id), Status::kRunning);
  EXPECT_EQ(executor_->created, 0);
  exit(id, EndCause::kExited, 3);
  remove(id);
  EXPECT_EQ(status(id), Status::kFailed);
  EXPECT_EQ(job(id).exit_code, 3);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AJobThatEndedWhileTheDaemonWasDownKeepsItsTrueCode) {
  const std::string id = create();
  run(id);
  Exited exited;
  exited.exit_code = 7;
  end_between_daemons(id, exited);
  EXPECT_EQ(job(id).exit_code, 7);
  EXPECT_EQ(files_.collections[id], 1);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AnEndFromBeforeTheHostsRestartDoesNotVouchForArtifacts) {
  const std::string id = create();
  run(id);
  Exited exited;
  exited.exit_code = 0;
  exited.host_restarted_since = true;
  end_between_daemons(id, exited);
  EXPECT_EQ(status(id), Status::kFailed);
  EXPECT_EQ(job(id).error, "container_lost_on_recovery");
  EXPECT_EQ(job(id).exit_code, 0);
}

TEST_F(LifecycleTest, WhatAJobHoldsIsNotFreeWhileItsContainerCannotBeRemoved) {
  const std::string id = create();
  run(id);
  exit(id, EndCause::kExited, 0);
  stop_daemon();
  start_daemon();
  executor_->fail_remove = true;
  await(jobs_->recover());
  settle();
  EXPECT_FALSE(job(id).released_at);
  EXPECT_EQ(held().jobs, 1);
  EXPECT_TRUE(files_.workspaces.contains(id));
}

TEST_F(LifecycleTest, AJobWhoseStartWasNeverNotedHasUsedItsUpload) {
  const std::string upload = "upload_1";
  await(store_->transact([&](Transaction& tx) {
    const uploads::Limits limits;
    EXPECT_TRUE(uploads::begin(tx, upload, "", clock_.now(), limits));
    EXPECT_TRUE(uploads::finalize(tx, upload, 1, 1, clock_.now(), limits));
  }));
  auto wanted = request();
  wanted.files_id = upload;
  const std::string id = await(jobs_->create(wanted))->job.id;
  settle();
  Exited exited;
  exited.exit_code = 0;
  exited.started = Started{clock_.now(), "c", ""};
  world_.at(id).exited = exited;
  settle();
  EXPECT_EQ(status(id), Status::kCompleted);
  const auto used =
      await(store_->transact([&](Transaction& tx) { return uploads::find(tx, upload); }));
  EXPECT_EQ(used->state, uploads::State::kConsumed);
}

TEST_F(LifecycleTest, TheSpecificationsRecoveryTable) {
  const std::string starting = create();
  const std::string running = create();
  run(running);
  stop_daemon();
  Exited vanished;
  vanished.cause = EndCause::kLost;
  world_.at(starting).exited = vanished;
  world_.at(starting).removed = true;
  world_.erase(running);  // with all that was noted of it
  start_daemon();
  await(jobs_->recover());
  settle();
  EXPECT_EQ(job(starting).error, "container_not_found_on_recovery");
  EXPECT_EQ(job(running).error, "container_lost_on_recovery");
  EXPECT_EQ(status(starting), Status::kFailed);
  EXPECT_EQ(status(running), Status::kFailed);
  EXPECT_EQ(executor_->created, 0);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AJobThatWasNeverHandedOverIsStartedAfterARestart) {
  const std::string id = create();
  stop_daemon();
  world_.clear();
  start_daemon();
  await(jobs_->recover());
  settle();
  EXPECT_EQ(status(id), Status::kStarting);
  EXPECT_EQ(executor_->created, 1);
  run(id);
  exit(id, EndCause::kExited, 0);
  remove(id);
  EXPECT_EQ(status(id), Status::kCompleted);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AStoppedJobThatWasNeverHandedOverIsNotStarted) {
  const std::string id = create();
  ASSERT_TRUE(await(jobs_->stop(id)));
  stop_daemon();
  world_.clear();
  start_daemon();
  await(jobs_->recover());
  settle();
  EXPECT_EQ(status(id), Status::kCancelled);
  EXPECT_EQ(executor_->created, 0);
  EXPECT_EQ(held().jobs, 0);
}

// Every job ends, whatever its supervisor does.

TEST_F(LifecycleTest, AJobThatItsSupervisorDoesNotEndIsEndedByForce) {
  const std::string id = create();
  run(id);
  clock_.jump(24h);
  clock_.jump(-48h);
  expect_forced_after(30min + grace_and_bound());
  EXPECT_EQ(executor_->forced, (Forced{{id, EndCause::kTimedOut}}));
  EXPECT_EQ(status(id), Status::kTimedOut);
  EXPECT_EQ(files_.collections[id], 1);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AStopThatTheSupervisorDoesNotHeedIsCarriedOutByForce) {
  const std::string id = create();
  run(id);
  advance(10min);
  ASSERT_TRUE(await(jobs_->stop(id)));
  settle();
  expect_forced_after(grace_and_bound());
  EXPECT_EQ(executor_->forced, (Forced{{id, EndCause::kCancelled}}));
  EXPECT_EQ(status(id), Status::kCancelled);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AStartAfterAStopDoesNotPutTheEndOff) {
  const std::string id = create();
  ASSERT_TRUE(await(jobs_->stop(id)));
  settle();
  run(id);
  expect_forced_after(grace_and_bound());
  EXPECT_EQ(status(id), Status::kCancelled);
}

TEST_F(LifecycleTest, AStopThatHangsKeepsNobodyWaitingForEver) {
  const std::string id = create();
  run(id);
  executor_->hang_stop = true;
  bool replied = false;
  boost::asio::co_spawn(io_, jobs_->stop(id),
                        [&](std::exception_ptr, Result<Job>) { replied = true; });
  settle();
  EXPECT_FALSE(replied);
  advance(limits_.overdue_bound);
  EXPECT_TRUE(replied);
}

TEST_F(LifecycleTest, AStartThatNobodyReportsIsEndedByForce) {
  const std::string id = create();
  expect_forced_after(limits_.start_limit + 30min + grace_and_bound());
  EXPECT_EQ(job(id).error, "container_start_failed");
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AStartThatTakesLongKeepsNoOtherWaiting) {
  limits_.concurrent_starts = 1;
  stop_daemon();
  start_daemon();
  const std::string first = create();
  const std::string second = create();
  const std::string third = create();
  advance(limits_.start_slot - Milliseconds{1});
  EXPECT_EQ(status(second), Status::kPending);
  advance(Milliseconds{1});
  EXPECT_EQ(status(second), Status::kStarting);
  EXPECT_EQ(status(third), Status::kPending) << "one at a time still";
  EXPECT_TRUE(executor_->forced.empty()) << "it goes on";
  run(first);
  EXPECT_EQ(status(first), Status::kRunning);
  EXPECT_EQ(status(third), Status::kPending) << "its turn was over before";
}

TEST_F(LifecycleTest, ALaunchThatHangsIsEndedByForce) {
  executor_->hang_launch = true;
  const std::string id = create();
  expect_forced_after(limits_.start_limit + grace_and_bound());
  EXPECT_EQ(job(id).error, "container_start_failed");
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, AStopDuringALaunchThatHangsEndsIt) {
  executor_->hang_launch = true;
  const std::string id = create();
  ASSERT_TRUE(await(jobs_->stop(id)));
  settle();
  expect_forced_after(grace_and_bound());
  EXPECT_EQ(status(id), Status::kCancelled);
}

TEST_F(LifecycleTest, ForceIsTriedUntilItSucceeds) {
  const std::string id = create();
  run(id);
  executor_->fail_remove = true;
  expect_forced_after(30min + grace_and_bound());
  expect_forced_after(5s);
  expect_forced_after(10s);
  executor_->hang_force = true;
  expect_forced_after(20s);
  EXPECT_EQ(status(id), Status::kRunning);
  EXPECT_EQ(held().jobs, 1);
  executor_->fail_remove = false;
  advance(limits_.overdue_bound);
  executor_->hang_force = false;
  advance(40s);
  EXPECT_EQ(status(id), Status::kTimedOut);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, ARestartCountsWhatTheJobHasRun) {
  const std::string id = create();
  run(id);
  world_.at(id).started->ran_for = 20min;
  restart_daemon();
  expect_forced_after(10min + grace_and_bound());
  EXPECT_EQ(status(id), Status::kTimedOut);
}

TEST_F(LifecycleTest, AClockThatJumpedDuringARestartEndsNoJobEarly) {
  const std::string id = create();
  run(id);
  clock_.jump(24h);
  restart_daemon();
  expect_forced_after(30min + grace_and_bound());
  EXPECT_EQ(status(id), Status::kTimedOut);
}

TEST_F(LifecycleTest, AContainerThatDoesNotGoAwayIsRemovedByForce) {
  const std::string id = create();
  run(id);
  exit(id, EndCause::kExited, 0);
  expect_forced_after(limits_.overdue_bound);
  EXPECT_EQ(status(id), Status::kCompleted);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, ARemovalThatHangsIsTriedAgain) {
  const std::string id = create();
  run(id);
  exit(id, EndCause::kExited, 0);
  stop_daemon();
  start_daemon();
  executor_->hang_remove = true;
  await(jobs_->recover());
  settle();
  advance(limits_.overdue_bound);
  executor_->hang_remove = false;
  EXPECT_EQ(held().jobs, 1);
  advance(5s);
  EXPECT_EQ(held().jobs, 0);
}

TEST_F(LifecycleTest, OrphansAndUnknownFilesAreSweptKnownOnesStay) {
  const std::string id = create();
  run(id);
  const std::string orphan = "job_bbbbbbbbbbbbbbbb";
  world_[orphan];
  files_.workspaces.insert(orphan);
  files_.logs.insert(orphan);
  await(retention_->remove_orphans());
  await(retention_->sweep());
  EXPECT_FALSE(world_.contains(orphan));
  EXPECT_TRUE(world_.contains(id));
  EXPECT_EQ(files_.workspaces, std::set<std::string>{id});
  EXPECT_TRUE(files_.logs.empty());
}

TEST_F(LifecycleTest, ProcessesWithoutAContainerEndOnlyIfTheirJobIsKnownAndOver) {
  const std::string over = create();
  run(over);
  exit(over, EndCause::kExited, 0);
  remove(over);
  const std::string runs = create();
  run(runs);
  const std::string unknown = "job_bbbbbbbbbbbbbbbb";  // of another instance, perhaps
  for (const auto& id : {over, unknown}) {
    world_[id] = {};
    world_[id].only_processes = true;
  }
  await(retention_->remove_orphans());
  EXPECT_FALSE(world_.contains(over));
  EXPECT_TRUE(world_.contains(runs));
  EXPECT_TRUE(world_.contains(unknown));
}

TEST_F(LifecycleTest, FullArtifactStorageTakesNoNewJob) {
  const auto first = await(jobs_->create(request())).value().job.id;
  const auto store = [&](std::uint64_t bytes) {
    await(store_->transact([&](Transaction& tx) {
      artifacts::insert_all(tx, first, {{"a", bytes, ""}, {"b", 1, ""}}, clock_.now());
    }));
  };
  store(limits_.max_stored_artifact_bytes - artifacts::kLeastCountedBytes);
  const auto refused = await(jobs_->create(request()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInsufficientStorage);
  EXPECT_EQ(refused.error().code, "artifact_storage_full");
  store(limits_.max_stored_artifact_bytes - artifacts::kLeastCountedBytes - 1);
  EXPECT_TRUE(await(jobs_->create(request())));
}

TEST_F(LifecycleTest, ANearlyFullDiskTakesNoNewJob) {
  files_.free = limits_.min_free_bytes - 1;
  const auto refused = await(jobs_->create(request()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInsufficientStorage);
  EXPECT_EQ(refused.error().code, "host_disk_low");
  EXPECT_EQ(held().jobs, 0);
  files_.free = limits_.min_free_bytes;
  EXPECT_TRUE(await(jobs_->create(request())));
}

TEST_F(LifecycleTest, AWorkspaceThatCouldNotBeRemovedGoesWithTheNextSweep) {
  const std::string id = create();
  run(id);
  files_.fail_removal = true;
  exit(id, EndCause::kExited, 0);
  remove(id);
  EXPECT_TRUE(job(id).released_at);
  await(retention_->sweep());
  EXPECT_EQ(files_.workspaces, std::set<std::string>{id});
  files_.fail_removal = false;
  await(retention_->sweep());
  EXPECT_TRUE(files_.workspaces.empty());
}

TEST_F(LifecycleTest, ArtifactsGoBeforeTheLogAndTheRowStays) {
  const std::string id = create();
  run(id);
  exit(id, EndCause::kExited, 0);
  remove(id);
  clock_.advance(59min);
  await(retention_->sweep());
  EXPECT_FALSE(job(id).artifacts_deleted_at);
  clock_.advance(1min);
  await(retention_->sweep());
  EXPECT_TRUE(job(id).artifacts_deleted_at);
  EXPECT_FALSE(job(id).log_deleted_at);
  EXPECT_EQ(status(id), Status::kCompleted);
  clock_.advance(23h);
  await(retention_->sweep());
  EXPECT_EQ(status(id), Status::kCleaned);
  EXPECT_EQ(job(id).outcome, Status::kCompleted);
}

TEST_F(LifecycleTest, BeyondTheHostsLimitTheOldestLogsGoFirst) {
  limits_.max_total_log_bytes = 150;
  stop_daemon();
  start_daemon();
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const std::string id = create();
    ids.push_back(id);
    run(id);
    Exited exited;
    exited.exit_code = 0;
    exited.started = world_.at(id).started;
    exited.log_bytes = 70;
    world_.at(id).exited = exited;
    clock_.advance(1s);
    settle();
    remove(id);
  }
  await(retention_->sweep());
  EXPECT_TRUE(job(ids[0]).log_deleted_at);
  EXPECT_FALSE(job(ids[1]).log_deleted_at);
  EXPECT_FALSE(job(ids[2]).log_deleted_at);
}

TEST_F(LifecycleTest, TheRowHasExcerptsAndTheContainerTheWholeTexts) {
  auto wanted = request();
  wanted.command = "ü" + std::string(90'000, 'x');
  wanted.env = {{"A", std::string(90'000, 'y')}};
  const auto creation = await(jobs_->create(wanted));
  settle();
  const std::string id = creation->job.id;
  EXPECT_EQ(job(id).excerpts.command, "ü" + std::string(199, 'x'));
  EXPECT_TRUE(job(id).excerpts.env.empty());
  EXPECT_EQ(world_.at(id).spec.command, *wanted.command);
  EXPECT_EQ(world_.at(id).spec.env, wanted.env);
}

TEST_F(LifecycleTest, ACleanedJobKeepsExcerptsOnly) {
  auto wanted = request();
  wanted.client_job_id = "11111111-1111-4111-8111-111111111111";
  wanted.command = std::string(90'000, 'x');
  const auto creation = await(jobs_->create(wanted));
  settle();
  const std::string id = creation->job.id;
  const auto texts_now = [&] {
    return await(store_->read([id](Transaction& tx) { return texts(tx, id); }));
  };
  run(id);
  exit(id, EndCause::kExited, 3);
  remove(id);
  EXPECT_EQ(texts_now()->command, wanted.command);
  clock_.advance(25h);
  await(retention_->sweep());
  const Job after = job(id);
  EXPECT_EQ(after.status, Status::kCleaned);
  EXPECT_FALSE(texts_now());
  EXPECT_EQ(after.excerpts.command, std::string(200, 'x'));
  EXPECT_EQ(after.exit_code, 3);
  EXPECT_EQ(after.request.client_job_id, wanted.client_job_id);
}

TEST_F(LifecycleTest, APageOfFatJobsEndsAtItsBytes) {
  std::vector<std::string> made;
  for (int i = 0; i < 4; ++i) {
    made.push_back(create());
    await(store_->transact([id = made.back()](Transaction& tx) {
      tx.run("UPDATE jobs SET message = ?1 WHERE id = ?2",
             {to_value(std::string(kMostPageBytes / 2, 'm')), to_value(id)});
    }));
  }
  std::vector<std::string> listed;
  ListQuery query;
  for (int pages = 1;; ++pages) {
    const auto page = await(store_->read([query](Transaction& tx) { return list(tx, query); }));
    EXPECT_LE(page->jobs.size(), 2U);
    for (const Job& one : page->jobs) listed.push_back(one.id);
    if (!page->next_cursor) {
      EXPECT_EQ(pages, 2);
      break;
    }
    query.cursor = page->next_cursor;
  }
  std::ranges::sort(made);
  std::ranges::sort(listed);
  EXPECT_EQ(listed, made);
}

TEST_F(LifecycleTest, PagesNeitherSkipNorRepeat) {
  std::vector<std::string> made;
  for (int i = 0; i < 4; ++i) made.push_back(create());
  std::vector<std::string> listed;
  ListQuery query;
  query.limit = 3;
  for (;;) {
    const auto page = await(store_->transact([query](Transaction& tx) { return list(tx, query); }));
    ASSERT_TRUE(page.has_value());
    for (const Job& one : page->jobs) listed.push_back(one.id);
    if (!page->next_cursor) break;
    query.cursor = page->next_cursor;
  }
  std::ranges::sort(made);
  std::ranges::sort(listed);
  EXPECT_EQ(listed, made);
  query.cursor = "' OR 1";
  EXPECT_EQ(
      await(store_->transact([query](Transaction& tx) { return list(tx, query); })).error().code,
      "invalid_cursor");
}

}  // namespace
}  // namespace flashpods::jobs
