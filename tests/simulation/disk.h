#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/scheduler.h"

namespace flashpods::simulation {

/// What the files of an upload or an artifact say: one number stands for all bytes.
using Content = std::uint64_t;

/// A file's bytes, whatever names it has by now. Until they are synced, a power cut leaves none.
struct Inode {
  Content content = 0;
  bool synced = false;
};
using File = std::shared_ptr<Inode>;

[[nodiscard]] inline File make_file(Content content = 0) {
  return std::make_shared<Inode>(content, false);
}

/// A job's directory.
struct Workspace {
  File work;      ///< the snapshot, once it is moved here
  File artifact;  ///< what the container wrote to /artifacts
};

using Files = std::map<std::string, File>;

struct DiskState {
  Files received;
  Files sealed;
  std::map<std::string, Files> transfers;  ///< a connection's slot → uploads in its directory
  std::map<std::string, Workspace> workspaces;
  Files artifacts;
  Files logs;
};

/// The host's disk: survives the daemon. Directory changes that are not synced may be undone by a
/// power cut, from the last one back, as a journalling file system does.
class Disk {
 public:
  DiskState now;
  std::set<std::string> rsyncs;  ///< connections whose process lives and holds its slot's lock

  /// To be called before a change; returns its number.
  std::uint64_t begin_change();
  /// This change and all before it are on the disk.
  void synced(std::uint64_t change);

  void cut_power(Scheduler& scheduler);

 private:
  struct Pending {
    std::uint64_t change;
    DiskState before;
  };
  std::vector<Pending> pending_;
  std::uint64_t next_ = 1;
};

}  // namespace flashpods::simulation
