#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/random.h"
#include "simulation/daemon.h"

namespace flashpods::simulation {

/// The people and agents outside. Each does what a real client does: sends files, finalizes,
/// creates a job under one key and repeats that until it gets an answer, perhaps stops it.
class Clients {
 public:
  /// `daemon` gives the one that lives now, or nothing.
  Clients(Host host, std::function<Daemon*()> daemon, std::uint64_t seed);

  /// Starts `count` of them.
  void begin(int count);
  [[nodiscard]] bool all_done() const { return active_ == 0; }

 private:
  /// One more life that clients wait for; `who` is for complaints.
  void begin(std::string who, Awaitable<void> life);
  Awaitable<void> live(int number);
  Awaitable<std::optional<std::string>> upload();
  Awaitable<bool> send(std::string id);
  Awaitable<void> write_files(std::string connection, std::string id);
  Awaitable<bool> finalize(std::string id);
  Awaitable<std::optional<std::string>> create(jobs::JobRequest request);
  Awaitable<void> create_once_more(jobs::JobRequest request);
  Awaitable<void> stop(std::string job_id);
  void note(const jobs::JobRequest& request, const jobs::Creation& creation);

  /// Waits for a daemon that serves.
  Awaitable<Daemon*> reach();
  Awaitable<void> pause(Milliseconds at_most);
  [[nodiscard]] jobs::JobRequest a_request(int number);

  Host host_;
  std::function<Daemon*()> daemon_;
  SeededRandom random_;
  int active_ = 0;
};

}  // namespace flashpods::simulation
