#include "simulation/simulation.h"

#include <memory>

#include <boost/asio/co_spawn.hpp>

#include "simulation/clients.h"

namespace flashpods::simulation {

namespace {

using namespace std::chrono_literals;

constexpr int kMostSteps = 20'000;
constexpr int kMostKills = 6;
constexpr int kMostLateKills = 2;  ///< more, while the last jobs come to their end

jobs::JobLimits job_limits(Bug bug) {
  jobs::JobLimits limits;
  limits.capacity = bug == Bug::kNoAdmission ? jobs::Resources{400, 800} : jobs::Resources{4, 8};
  limits.concurrent_starts = 2;
  limits.log_hours = 1;
  if (bug == Bug::kNoOverdueBound) limits.overdue_bound = std::chrono::years{10};
  return limits;
}

uploads::Limits upload_limits() {
  uploads::Limits limits;
  limits.uploading_ttl = 10min;
  limits.finalized_ttl = 20min;
  return limits;
}

/// The parts of one history, and the loop that drives it.
class History {
 public:
  explicit History(const Run& run)
      : run_(run),
        trace_(run.print),
        scheduler_(run.seed, trace_),
        database_(*SqliteStore::open(":memory:", SqliteStore::Threading::kInline)),
        limits_(job_limits(run.bug)),
        containers_(scheduler_, disk_, run.bug),
        invariants_(scheduler_, disk_, containers_, promised_),
        clients_(host(), [this] { return daemon_.get(); }, run.seed + 1) {}

  Outcome play() {
    start_daemon();
    clients_.begin(2 + static_cast<int>(scheduler_.below(4)));
    while (!clients_.all_done() && goes_on()) turn();
    run_out();
    faults_ = kNoFaults;
    quieten();
    rest(30min);
    look(&Invariants::at_rest);
    // What ended while the clock was ahead is kept until the true time has caught up.
    rest(invariants_.latest() - scheduler_.clock().now() + 72h);
    look(&Invariants::long_after);
    daemon_->kill();
    return {trace_.violations(), steps_, kills_};
  }

 private:
  Host host() {
    return {scheduler_, *database_,      disk_,   containers_, invariants_,
            limits_,    upload_limits(), faults_, run_.bug};
  }

  [[nodiscard]] bool goes_on() {
    if (++steps_ == kMostSteps) trace_.violation("it does not come to an end");
    return trace_.violations().empty();
  }

  void start_daemon() {
    trace_.add("flashpodsd starts");
    invariants_.daemon_started();
    const auto seed = run_.seed + 1000 + static_cast<unsigned>(kills_);
    daemon_ = std::make_unique<Daemon>(host(), kills_, seed);
    daemon_->start();
  }

  /// One thing happens.
  void turn() {
    scheduler_.settle();
    invariants_.at_any_time();
    const bool dies = kills_ < most_kills_ && scheduler_.chance(faults_.kill);
    if (dies || scheduler_.daemon_dies()) return crash();
    if (scheduler_.chance(faults_.vanish)) containers_.vanish();
    if (scheduler_.chance(faults_.shim)) containers_.break_a_shim();
    if (scheduler_.chance(faults_.jump)) jump();
    const bool containers_turn = scheduler_.chance(25);
    if (containers_turn && containers_.advance()) return;
    if (scheduler_.ready_steps() > 0) return scheduler_.pick();
    if (containers_.advance()) return;
    scheduler_.pass_time();
  }

  void jump() {
    const auto by = Seconds(scheduler_.below(2 * 86400)) - 24h;
    trace_.add("the clock jumps");
    scheduler_.clock().jump(by);
  }

  void crash() {
    ++kills_;
    const bool power = scheduler_.chance(faults_.power);
    trace_.add(power ? "the power is cut" : "flashpodsd is killed");
    daemon_->kill();
    if (power) {
      containers_.cut_power();
      disk_.cut_power(scheduler_);
    }
    // What happens while it is down:
    for (auto i = scheduler_.below(6); i > 0; --i) containers_.advance(false);
    start_daemon();
  }

  /// Until each job has ended and is released.
  void run_out() {
    faults_ = kFewFaults;
    most_kills_ = kills_ + kMostLateKills;
    while (!invariants_.all_released() && goes_on()) turn();
  }

  /// Lets everything happen that can, until only sleepers are left.
  void quieten() {
    while (goes_on()) {
      scheduler_.settle();
      invariants_.at_any_time();
      if (scheduler_.ready_steps() > 0) {
        scheduler_.pick();
      } else if (!containers_.advance()) {
        return;
      }
    }
  }

  void rest(Milliseconds duration) {
    // The sweep wakes each minute: a few of its turns stand for a long time.
    for (int i = 0; i < 6 && goes_on(); ++i) {
      scheduler_.clock().advance(duration / 6);
      quieten();
      scheduler_.pass_time();
      quieten();
    }
  }

  void look(void (Invariants::*check)(Transaction&)) {
    if (!trace_.violations().empty()) return;
    auto body = [this, check](Transaction& tx) { (invariants_.*check)(tx); };
    boost::asio::co_spawn(scheduler_.loop(), database_->transact(std::move(body)),
                          [this](std::exception_ptr error) {
                            if (error) trace_.violation("the check met an exception");
                          });
    scheduler_.settle();
  }

  Run run_;
  Trace trace_;
  Scheduler scheduler_;
  std::unique_ptr<SqliteStore> database_;
  jobs::JobLimits limits_;
  jobs::JobLimits promised_ = job_limits(Bug::kNone);
  Faults faults_;
  Disk disk_;
  Containers containers_;
  Invariants invariants_;
  std::unique_ptr<Daemon> daemon_;
  Clients clients_;
  int steps_ = 0;
  int kills_ = 0;
  int most_kills_ = kMostKills;
};

}  // namespace

Outcome simulate(const Run& run) { return History(run).play(); }

}  // namespace flashpods::simulation
