#include "simulation/simulated_store.h"

namespace flashpods::simulation {

namespace {

/// A power cut in the middle of a transaction that is none.
struct Torn {};

/// Lets so many changes through.
class TornTransaction final : public Transaction {
 public:
  TornTransaction(Transaction& tx, std::size_t changes) : tx_(tx), left_(changes) {}
  std::int64_t run(std::string_view sql, std::vector<Value> parameters) override {
    if (left_-- == 0) throw Torn{};
    return tx_.run(sql, std::move(parameters));
  }
  std::vector<Row> rows(std::string_view sql, std::vector<Value> parameters) override {
    return tx_.rows(sql, std::move(parameters));
  }

 private:
  Transaction& tx_;
  std::size_t left_;
};

std::int64_t job_count(Transaction& tx) {
  return tx.row("SELECT count(*) AS n FROM jobs")->integer("n");
}

}  // namespace

Awaitable<void> SimulatedStore::execute(Work work) {
  co_await scheduler_.step(Owner::kDaemon, "commit");
  if (scheduler_.chance(faults_.store)) throw StoreError("simulated", scheduler_.chance(50));
  auto observed = [this, work = std::move(work)](Transaction& tx) {
    const bool keep = apply(tx, work);
    if (keep) observer_(tx);
    return keep;
  };
  co_await database_.execute(std::move(observed));
  co_await scheduler_.step(Owner::kDaemon, "committed");
}

/// True if what `work` did is to be kept.
bool SimulatedStore::apply(Transaction& tx, const Work& work) {
  if (bug_ == Bug::kNoTransaction && scheduler_.chance(20)) {
    TornTransaction torn(tx, scheduler_.below(3));
    try {
      return work(torn);
    } catch (const Torn&) {
      scheduler_.kill_daemon_soon();
      return true;
    }
  }
  const bool drops_new_jobs = bug_ == Bug::kNoIntent && scheduler_.chance(20);
  const auto before = drops_new_jobs ? job_count(tx) : 0;
  const bool keep = work(tx);
  if (drops_new_jobs && job_count(tx) > before) return false;
  if (bug_ == Bug::kForgetsStop) tx.run("UPDATE jobs SET stop_requested_at = NULL");
  return keep;
}

}  // namespace flashpods::simulation
