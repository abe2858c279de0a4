#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flashpods::podman {

/// A socket of the host that every container sees read-only (SPIRE agent, token service).
struct SocketMount {
  std::string host;
  std::string container;
};

/// How podman is called for one job. Kept with the job, so that a restarted shim goes on in the
/// same way.
struct PodmanSettings {
  std::string podman = "podman";
  std::string conmon = "conmon";  ///< the real one; looked up in PATH and podman's own places
  /// "auto": podman's own choice, and runc if that turns out not to work here; else a name or path.
  std::string oci_runtime = "auto";
  /// Where the outcome of "auto" is remembered; empty: nowhere.
  std::string runtime_memo;
  /// "UID:GID" of the processes in the container, whatever the image says: with --userns=keep-id
  /// ours, so that artifacts belong to us. Empty: the executor puts in its own.
  std::string user;
  std::int64_t pids_limit = 2048;
  std::int64_t shm_size_mb = 64;
  std::vector<SocketMount> sockets;
  /// Registries ("host:port") that may have a private address (jobs.private_registries).
  std::vector<std::string> private_registries;
  /// Any other registry is reached through a proxy that connects to public addresses only.
  bool guard_pulls = true;
  /// Resolvers that jobs ask; empty: the host's own, through slirp4netns.
  std::vector<std::string> dns;
  /// Jobs with a network reach no private one. A host where that fails starts no such job.
  bool isolate_lan = true;
};

}  // namespace flashpods::podman
