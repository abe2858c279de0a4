#pragma once

#include <optional>

#include "executors/shim/conmon_exit.h"
#include "executors/shim/container_start.h"
#include "executors/shim/container_watch.h"
#include "executors/shim/control_server.h"
#include "executors/shim/disk_watch.h"
#include "executors/shim/epoll_watch.h"
#include "executors/shim/output_pump.h"

namespace flashpods::shim {

/// The life of one job's container, from nothing or from wherever an earlier shim was killed, to
/// the confirmation that it is gone. Reads as one sequence; what each step did is in the job's
/// directory before the next begins.
class Supervisor {
 public:
  struct Parts {
    const JobRecord& job;
    PollLoop& loop;
    Children& children;
    PodmanTool& tool;
    PodmanCalls& podman;
    OutputPump& output;
    ControlServer& control;
    StopRequest& stop;
    const Clock& clock;
  };

  explicit Supervisor(Parts parts);

  /// Until exit.json is durable.
  void run_to_exit();

  /// Until no container is left and `removed` says so.
  void remove_container();

 private:
  jobs::Exited supervise();
  std::optional<jobs::Exited> obtain_container();
  std::optional<jobs::Exited> find_or_start();
  Inspected ask_podman(int tries);
  void follow_started();
  std::optional<jobs::Exited> adopt(const podman::ContainerRecord& record);
  std::optional<jobs::Exited> adopt_unnoted(podman::ContainerRecord record);
  [[nodiscard]] bool is_anothers(const podman::ContainerRecord& record) const;
  [[nodiscard]] jobs::Exited name_is_taken() const;
  std::optional<jobs::Exited> clear_and_start();
  void await_output();
  std::string settle_output();
  static void quote_runtime(jobs::Exited& exited, const std::string& words);
  std::optional<jobs::Exited> start_anew();
  [[nodiscard]] bool has_our_conmon() const;
  std::optional<jobs::Exited> note_begun(const ContainerStart& start);
  std::optional<jobs::Exited> look_after_failure(const ContainerStart& start);

  void note_started(const podman::ContainerRecord& record);
  void note_ended(podman::ContainerRecord& record, const ConmonExit& exit) const;
  void note_started_now();
  void keep_started();
  [[nodiscard]] std::optional<podman::ContainerRecord> known_whereabouts() const;
  [[nodiscard]] DiskWatch watch_disk();
  void watch_until_over();
  void watch_until_ended_or_stopped(DiskWatch& disk, EpollWatch& epoll);
  [[nodiscard]] Milliseconds age_of(Time moment) const;
  void reopen_watch();
  void await_conmon();
  void hurry_conmon(Milliseconds waited);
  [[nodiscard]] bool record_says_ended();
  void end_politely_then_firmly(DiskWatch& disk, const EpollWatch& epoll);
  void send(int signal);
  [[nodiscard]] Milliseconds run_deadline() const;
  [[nodiscard]] jobs::Exited judge();
  void await_podmans_end();
  [[nodiscard]] bool can_do_without_podman();
  [[nodiscard]] jobs::Exited ended_early(jobs::EndCause cause, std::string message) const;
  [[nodiscard]] jobs::Exited start_failed(const ContainerStart& start) const;
  [[nodiscard]] bool host_restarted() const;
  [[nodiscard]] jobs::Exited lost_with_the_host() const;
  [[nodiscard]] bool exists(const char* file) const;
  void remove_scratch();
  void remove_until_gone();

  Parts with_;
  ContainerWatch watch_;
  std::optional<StartedRecord> started_;
  std::optional<podman::ContainerRecord> record_;  ///< podman's latest
  std::optional<bool> stopped_while_running_;      ///< as in EndFacts
  std::optional<Time> seen_ended_at_;  ///< a conmon that was stopped notes the end later
  bool output_lost_ = false;           ///< of a job that an earlier shim started
};

}  // namespace flashpods::shim
