#include "executors/shim/children.h"

#include <sys/prctl.h>
#include <sys/wait.h>

namespace flashpods::shim {

void Children::become_subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

void Children::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) ended_[pid] = status;
}

std::optional<int> Children::status(pid_t pid) {
  reap();
  const auto found = ended_.find(pid);
  if (found == ended_.end()) return std::nullopt;
  return found->second;
}

}  // namespace flashpods::shim
