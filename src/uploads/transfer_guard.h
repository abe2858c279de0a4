#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.h"
#include "uploads/file_gate.h"
#include "uploads/rsync_log.h"
#include "uploads/rsync_process.h"
#include "uploads/stored_upload_files.h"
#include "uploads/transfer_budget.h"
#include "uploads/uploads.h"

namespace flashpods::uploads {

/// What all connections share; outlives them.
struct Receiving {
  Uploads& uploads;
  StoredUploadFiles& files;
  Surroundings with;
};

/// Keeps one rsync within its upload's limits: counts what it writes while it runs, lets it write
/// no more at a quota, and ends it when it has told its client so.
class TransferGuard {
 public:
  /// `name` is the transfer's slot. `log`: rsync's, where there is one.
  TransferGuard(Receiving receiving, RsyncProcess& process, std::optional<RsyncLog>& log,
                std::string name);
  /// The process runs, whatever happened.
  ~TransferGuard();
  TransferGuard(const TransferGuard&) = delete;
  TransferGuard& operator=(const TransferGuard&) = delete;

  /// The transfer is admitted to this upload. Files may grow to what is left from now on.
  void admit(const Admission& admission);

  /// Until the process has ended.
  Awaitable<void> watch(std::string upload_id);

 private:
  Awaitable<void> poll();
  Awaitable<void> keep_measured();
  Awaitable<void> measure();
  [[nodiscard]] bool is_measure_due() const;
  void count_entries(const TreeContent& upload, bool since_cut);
  void tell_failure(const Error& error);
  void enforce();
  void cut(const char* why);
  void look_for_failure();
  void give_last_words();
  [[nodiscard]] bool has_too_many() const { return entries_ > uploads_.limits().max_files; }
  void end_what_goes_on();
  [[nodiscard]] bool only_reads();
  [[nodiscard]] Milliseconds poll_interval();
  void gate_if_near();
  Awaitable<void> pause();

  Uploads& uploads_;
  StoredUploadFiles& files_;
  Surroundings with_;
  RsyncProcess& process_;
  std::optional<RsyncLog>& log_;
  std::string name_;
  std::string id_;
  TransferBudget budget_;
  std::optional<FileGate> gate_;   ///< once it is near a limit
  boost::asio::steady_timer due_;  ///< cancelled when a measurement may be due
  std::uint64_t entries_ = 0;      ///< files and directories, at the last measurement
  std::optional<std::uint64_t> entries_at_cut_;
  std::uint64_t written_ = 0;      ///< at the last poll
  std::uint64_t read_before_ = 0;  ///< when something was written last
  Milliseconds next_measure_{0};
  std::optional<Milliseconds> end_by_;  ///< when one that failed has had its last words
  int failures_ = 0;                    ///< to measure this upload, in a row
  bool told_failure_ = false;
  bool cut_ = false;
  bool ended_ = false;
  bool failed_ = false;
  bool yields_ = false;  ///< to us, near the limit
  bool tried_gate_ = false;
};

}  // namespace flashpods::uploads
