#include "executors/shim/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <string>

#include "base/fd.h"

namespace flashpods::shim {

void enter_user_namespace(pid_t process) {
  const auto path = "/proc/" + std::to_string(process) + "/ns/user";
  const Fd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (space) [[maybe_unused]]
    const int entered = ::setns(space.get(), CLONE_NEWUSER);
}

}  // namespace flashpods::shim
