#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "async/awaitable.h"

namespace flashpods {

/// Owns background work, so that nothing runs that nobody waits for. All tasks run on one executor
/// (one thread). A task that throws is reported to `on_error` and ends alone; a cancelled one ends
/// silently. Close before the things its tasks use are destroyed:
///   group.start("sweep", sweep_forever(store));   …   co_await group.close();
class TaskGroup {
 public:
  using OnError = std::function<void(const std::string& task, const std::string& what)>;

  TaskGroup(Executor executor, OnError on_error);
  ~TaskGroup();  ///< every task must have ended (close() was awaited)
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts a task on a later turn of the loop. After close() began it is dropped unrun.
  void start(std::string name, Awaitable<void> task);

  [[nodiscard]] std::size_t running() const;

  /// Cancels all tasks and waits until each has ended. May be awaited again.
  Awaitable<void> close();

  /// Waits until each has ended by itself.
  Awaitable<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace flashpods
