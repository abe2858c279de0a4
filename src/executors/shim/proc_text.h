#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace flashpods::shim {

/// /proc/PID/`name`; empty if the process is gone (proc(5)).
[[nodiscard]] std::string proc_text(pid_t pid, const char* name);

/// Of all processes that /proc shows.
[[nodiscard]] std::vector<pid_t> process_ids();

/// -1 if the process is gone.
[[nodiscard]] pid_t parent_of(pid_t pid);

/// Real user id of a process, as we count; nothing if it is gone.
[[nodiscard]] std::optional<uid_t> user_of(pid_t pid);

/// It is PID 1 of a PID namespace below ours: the first process of a container.
[[nodiscard]] bool leads_a_namespace(pid_t pid);

}  // namespace flashpods::shim
