#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "async/timer.h"
#include "base/clock.h"
#include "store/store.h"
#include "telemetry/log.h"
#include "uploads/limits.h"
#include "uploads/repair.h"
#include "uploads/transfer_budget.h"
#include "uploads/transfer_request.h"
#include "uploads/upload.h"
#include "uploads/upload_files.h"

namespace flashpods::uploads {

/// What uploads work with. All of it outlives them.
struct Surroundings {
  Store& store;
  const Clock& clock;
  Timer& timer;
  Log& log;
};

/// An rsync process that asks to write.
struct TransferAttempt {
  std::string connection;  ///< its slot's name
  std::string owner;       ///< the peer's address
  TransferRequest request;
  std::function<void()> stop;  ///< ends the process; may be called at any time until end_transfer
};

struct Admission {
  std::string id;
  std::uint64_t upload_bytes = 0;  ///< what the upload takes on disk so far
  DiskUse disk;                    ///< what all uploads take
  std::uint64_t counted = 0;       ///< DiskCount::counted() before that was measured
};

/// The life of uploads from the first rsync to the moment a job takes the files. Rows say what is
/// true; a directory follows its row by one rename, and recover() makes up for the renames that a
/// crash prevented. All members run on the loop's thread.
///
/// At most one party works on an upload at a time, a transfer or a request: it *holds* the id.
/// A transfer that outlived the previous daemon is found in its slot (TransferArea) and respected
/// until its process ends.
class Uploads {
 public:
  Uploads(Surroundings surroundings, UploadFiles& files, Limits limits);

  /// At start, before anything else: creates the directories and makes them agree with the rows.
  Awaitable<Result<void>> recover();

  /// 404 upload_not_found. An upload whose TTL has passed is shown as expired.
  Awaitable<Result<Upload>> get(std::string id);

  /// Seals: nothing changes it any more, and a job may take it. 400 path_too_long (kMaxPathBytes;
  /// a transfer with --delete or DELETE mends that), 404 upload_not_found,
  /// 409 upload_in_progress, upload_incomplete, already_finalized, already_consumed,
  /// 410 upload_expired, 507 upload_quota_exceeded. A transfer that is just ending is waited for.
  Awaitable<Result<Upload>> finalize(std::string id);

  /// DELETE: ends a transfer, removes the files. 404, 409 already_consumed, upload_in_use, 410.
  Awaitable<Result<Upload>> remove(std::string id);

  /// Expires what is due and removes the files of what has expired. Never touches a reserved upload
  /// nor one that a transfer holds.
  Awaitable<void> sweep();

  /// A process of ours has this slot from now on, until end_transfer().
  void open_transfer(const std::string& connection) { connections_.insert(connection); }

  /// Decides about a transfer; on success its upload is in the module directory and held until
  /// end_transfer(). The error's message is for the rsync user.
  Awaitable<Result<Admission>> admit(TransferAttempt attempt);

  /// The process is gone: its upload, if it was admitted to one, goes back; the slot is removed.
  /// `well`: rsync sent all that it was asked to send. Otherwise the upload stays incomplete.
  Awaitable<void> end_transfer(std::string connection, std::string id, bool well);

  /// Transfers that outlived the previous daemon and whose process and upload are known.
  Awaitable<std::vector<FoundTransfer>> survivors();
  /// Whoever supervises a survivor from now on holds its upload until end_transfer().
  void adopt(const FoundTransfer& survivor, std::function<void()> stop);

  [[nodiscard]] const Limits& limits() const { return limits_; }
  /// Shared by the budgets of all transfers.
  [[nodiscard]] DiskCount& disk() { return disk_; }

 private:
  class Hold;

  Awaitable<bool> wait_until_free(std::string id, Milliseconds limit);
  Awaitable<Result<Admission>> admit_held(TransferAttempt attempt, std::string id);
  Awaitable<Result<Upload>> seal(std::string id);
  Awaitable<Result<TreeContent>> purge_and_measure(std::string id);
  Awaitable<Result<TreeContent>> prepare_seal(std::string id);
  Awaitable<Result<void>> respect_survivor(std::string id);
  Awaitable<Result<std::set<std::string>>> take_back_leftovers();
  Awaitable<Result<void>> take_back(FoundTransfer transfer);
  Awaitable<Result<void>> repair_received();
  Awaitable<Result<void>> repair_sealed();
  Awaitable<Result<void>> repair(std::string id, Repair what);
  Awaitable<void> clear_expired(std::set<std::string> surviving);
  Awaitable<void> clear(std::string id);
  Awaitable<std::optional<Upload>> row(std::string id);

  Surroundings with_;
  UploadFiles& files_;
  Limits limits_;
  DiskCount disk_;
  /// Who holds an upload: how to stop a transfer; empty for a request.
  std::map<std::string, std::function<void()>, std::less<>> held_;
  std::set<std::string> connections_;  ///< slots of our own processes
};

}  // namespace flashpods::uploads
