#pragma once

#include <sys/types.h>

namespace flashpods::shim {

/// Makes the caller, who must be the container's owner, the root of the user namespace of a
/// process: what its processes closed to others, it may examine then (user_namespaces(7),
/// "Capabilities"). Where the process shares ours, nothing changes.
void enter_user_namespace(pid_t process);

}  // namespace flashpods::shim
