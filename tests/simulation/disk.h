#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulation/scheduler.h"

namespace flashpods::simulation {

/// What the files of an upload or an artifact say: one number stands for all bytes.
using Content = std::uint64_t;

/// A file's bytes. Until they are synced, a power cut leaves zeros.
struct File {
  Content content = 0;
  bool synced = false;
};

/// A job's directory.
struct Workspace {
  std::optional<Content> work;      ///< the snapshot, once it is moved here
  std::optional<Content> artifact;  ///< what the container wrote to /artifacts
};

/// A connection's slot and the uploads in its module directory.
struct Transfer {
  bool live = true;
  std::map<std::string, Content> uploads;
};

struct DiskState {
  std::map<std::string, Content> received;
  std::map<std::string, Content> sealed;
  std::map<std::string, Transfer> transfers;
  std::map<std::string, Workspace> workspaces;
  std::map<std::string, File> artifacts;
  std::set<std::string> logs;
};

/// The host's disk: survives the daemon. Directory changes that are not synced may be undone by a
/// power cut, from the last one back, as a journalling file system does.
class Disk {
 public:
  DiskState now;

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
