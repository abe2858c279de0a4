#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods::shim {

/// Opens a FIFO of a job's directory so that the job, which owns its inode, cannot change it.
///
/// The FIFO is opened through a detached, read-only clone of the mount (open_tree(2),
/// mount_setattr(2)). A read-only mount still allows reads and writes of a FIFO, but chmod(2),
/// chown(2) and setxattr(2) through the descriptor or /proc/self/fd fail with EROFS. The clone's
/// root is the parent of the job's directory, so /proc/self/fd shows "/JOB/NAME" and no path of
/// the host.
///
/// Needs CAP_SYS_ADMIN in the user namespace of the mount namespace, as conmon has under podman,
/// and Linux 5.12. Where either is missing the FIFO is opened by its path.
[[nodiscard]] Result<Fd> open_fifo_for_job(const std::filesystem::path& directory,
                                           const char* name);

}  // namespace flashpods::shim
