#pragma once

#include <functional>

#include "simulation/faults.h"
#include "simulation/scheduler.h"
#include "store/store.h"

namespace flashpods::simulation {

/// Stands before a real SQLite database: a commit takes its time, may fail, and the daemon may be
/// killed before it, or after it and before anyone hears of it.
class SimulatedStore final : public Store {
 public:
  /// Looks at the database inside each transaction that is kept.
  using Observer = std::function<void(Transaction&)>;

  SimulatedStore(Scheduler& scheduler, SqliteStore& database, const Faults& faults, Bug bug,
                 Observer observer)
      : scheduler_(scheduler),
        database_(database),
        faults_(faults),
        bug_(bug),
        observer_(std::move(observer)) {}

  Awaitable<void> execute(Work work) override;
  EventHub& events() override { return database_.events(); }

 private:
  bool apply(Transaction& tx, const Work& work);

  Scheduler& scheduler_;
  SqliteStore& database_;
  const Faults& faults_;
  Bug bug_;
  Observer observer_;
};

}  // namespace flashpods::simulation
