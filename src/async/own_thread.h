#pragma once

#include <sys/resource.h>
#include <type_traits>
#include <utility>

#include "async/awaitable.h"
#include "async/blocking_pool.h"

namespace flashpods {

/// Runs `function` on a thread made for it, and resumes the caller on its own executor with the
/// value or the exception. For what a job's own files make long: in a pool, a few jobs would keep
/// its threads from everybody else. The thread is nicer by ten, so that the loop's thread comes
/// first (setpriority(2): on Linux, nice is a thread's own). Not cancellable: it waits for the end.
template <class Function>
Awaitable<std::invoke_result_t<Function>> run_on_own_thread(Function function) {
  constexpr int kNicer = 10;
  BlockingPool thread{1};
  auto nicely = [function = std::move(function)]() mutable {
    ::setpriority(PRIO_PROCESS, 0, kNicer);
    return function();
  };
  co_return co_await thread.run(std::move(nicely));
}

}  // namespace flashpods
