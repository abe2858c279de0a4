#pragma once

#include <cstdint>
#include <sys/types.h>

namespace flashpods::uploads {

/// Bytes written by a process and all its descendants, living or reaped, since they started (wchar
/// of proc_pid_io(5): files, and the little that goes to sockets and pipes). Never an undercount of
/// what went to files; 0 if there is no such process. Of our own uid only.
[[nodiscard]] std::uint64_t bytes_written_by(pid_t process);

/// The same of what they read, from files and sockets (rchar).
[[nodiscard]] std::uint64_t bytes_read_by(pid_t process);

/// The process or a descendant is stopped by a signal (SIGSTOP), not by a tracer.
[[nodiscard]] bool is_stopped(pid_t process);

/// Sets RLIMIT_FSIZE (setrlimit(2)) of a running process and its descendants: from now on a write
/// beyond `bytes` in any file fails with EFBIG where SIGXFSZ is ignored.
void limit_file_size(pid_t process, std::uint64_t bytes);

/// Whoever wakes up takes the processor from the process and its descendants at once (nice 19).
/// For good: only root may take it back.
void yield_to_others(pid_t process);

}  // namespace flashpods::uploads
