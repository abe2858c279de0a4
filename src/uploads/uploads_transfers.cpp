// How a transfer gets its upload, and how the upload comes back.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "uploads/hold.h"
#include "uploads/repository.h"
#include "uploads/uploads.h"

namespace flashpods::uploads {

namespace {

/// The rsync of an interrupted upload may take a moment to notice; its client is trying again.
constexpr Milliseconds kPredecessor{10'000};

std::unexpected<Error> quota_used_up(std::uint64_t used, const Limits& limits) {
  return fail(ErrorKind::kInsufficientStorage, "upload_quota_exceeded",
              fmt::format("No space left: uploads take {} of {}. Delete some, or wait until they "
                          "expire.",
                          to_human_size(used), to_human_size(limits.max_total_bytes)));
}

/// Nothing could be added; and what is over a limit is cut at once, without a word.
Result<void> check_room(const TreeContent& upload, const Limits& limits) {
  if (upload.disk_bytes < limits.max_upload_bytes && upload.entries <= limits.max_files) return {};
  return fail(ErrorKind::kInsufficientStorage, "upload_quota_exceeded",
              fmt::format("The upload takes {} with {} files and directories already; {} and {} "
                          "are allowed. Delete it, and send less under a new id.",
                          to_human_size(upload.disk_bytes), upload.entries,
                          to_human_size(limits.max_upload_bytes), limits.max_files));
}

std::unexpected<Error> disk_low(std::uint64_t free, const Limits& limits) {
  return fail(
      ErrorKind::kInsufficientStorage, "host_disk_low",
      fmt::format("The host's disk is nearly full: {} are free, {} are kept free. Try again "
                  "when jobs have ended.",
                  to_human_size(free), to_human_size(limits.min_free_bytes)));
}

std::unexpected<Error> busy(const std::string& id) {
  return fail(ErrorKind::kConflict, "upload_in_progress",
              fmt::format("Another rsync is sending to '{}', or it is being finalized. Try again "
                          "in a moment.",
                          id));
}

}  // namespace

Awaitable<std::vector<FoundTransfer>> Uploads::survivors() {
  auto found = co_await files_.transfers();
  if (!found) co_return std::vector<FoundTransfer>{};
  std::erase_if(*found, [this](const FoundTransfer& transfer) {
    return !transfer.live || transfer.process == 0 || transfer.ids.size() != 1 ||
           connections_.contains(transfer.name);
  });
  co_return std::move(*found);
}

void Uploads::adopt(const FoundTransfer& survivor, std::function<void()> stop) {
  connections_.insert(survivor.name);
  held_.emplace(survivor.ids.front(), std::move(stop));
}

Awaitable<Result<Admission>> Uploads::admit(TransferAttempt attempt) {
  auto id = uploaded_id(attempt.request);
  if (!id) co_return std::unexpected(id.error());
  const bool free = co_await wait_until_free(*id, kPredecessor);
  if (!free) co_return busy(*id);
  Hold hold(*this, *id, attempt.stop);
  auto admission = co_await admit_held(std::move(attempt), *id);
  if (admission) hold.keep();
  co_return admission;
}

Awaitable<Result<Admission>> Uploads::admit_held(TransferAttempt attempt, std::string id) {
  // Who it belongs to and what state it is in comes before the disk: a better answer.
  auto begin_row = [id, owner = attempt.owner, now = with_.clock.now(), limits = limits_](
                       Transaction& tx) { return begin(tx, id, owner, now, limits); };
  const auto begun = co_await with_.store.transact(std::move(begin_row));
  if (!begun) co_return std::unexpected(begun.error());
  FLASHPODS_FAILPOINT("upload.begun");
  const auto alone = co_await respect_survivor(id);
  if (!alone) co_return busy(id);
  const auto counted = disk_.counted();
  const auto used = co_await files_.usage();
  if (!used) co_return std::unexpected(used.error());
  if (used->bytes >= limits_.max_total_bytes) co_return quota_used_up(used->bytes, limits_);
  if (used->free <= limits_.min_free_bytes) co_return disk_low(used->free, limits_);
  const auto upload = co_await files_.reopen(id);
  if (!upload) co_return std::unexpected(upload.error());
  if (auto room = check_room(*upload, limits_); !room) co_return std::unexpected(room.error());
  auto begin_row_receiving = [id](Transaction& tx) { begin_receiving(tx, id); };
  co_await with_.store.transact(std::move(begin_row_receiving));
  const auto claimed = co_await files_.claim(id, attempt.connection);
  if (!claimed) co_return std::unexpected(claimed.error());
  co_return Admission{id, upload->disk_bytes, *used, counted};
}

Awaitable<void> Uploads::end_transfer(std::string connection, std::string id, bool well) {
  // Whatever fails below, the slot is a leftover then, which the next sweep takes back.
  const std::unique_ptr<void, std::function<void(void*)>> let_go(this, [&](void*) {
    connections_.erase(connection);
    held_.erase(id);
  });
  if (!id.empty()) {
    auto end_row_receiving = [id, well, now = with_.clock.now(), limits = limits_](
                                 Transaction& tx) { end_receiving(tx, id, well, now, limits); };
    co_await with_.store.transact(std::move(end_row_receiving));
    FLASHPODS_FAILPOINT("upload.giving_back");
  }
  FoundTransfer ended{connection, false, 0, {}};
  if (!id.empty()) ended.ids.push_back(id);
  const auto taken = co_await take_back(std::move(ended));
  if (!taken) {
    with_.log.warning("transfer_not_cleared", {{"upload_id", id}, {"why", taken.error().message}});
  }
}

Awaitable<Result<void>> Uploads::take_back(FoundTransfer transfer) {
  std::vector<std::string> receiving;
  for (const auto& id : transfer.ids) {
    const auto upload = co_await row(id);
    if (upload && upload->state == State::kUploading) receiving.push_back(id);
  }
  co_return co_await files_.give_back(std::move(transfer.name), std::move(receiving));
}

Awaitable<Result<std::set<std::string>>> Uploads::take_back_leftovers() {
  auto found = co_await files_.transfers();
  if (!found) co_return std::unexpected(found.error());
  std::set<std::string> surviving;
  for (FoundTransfer& transfer : *found) {
    if (transfer.live || connections_.contains(transfer.name)) {
      surviving.insert(transfer.ids.begin(), transfer.ids.end());
      continue;
    }
    const auto taken = co_await take_back(std::move(transfer));
    if (!taken) co_return std::unexpected(taken.error());
  }
  co_return surviving;
}

Awaitable<Result<void>> Uploads::respect_survivor(std::string id) {
  const auto surviving = co_await take_back_leftovers();
  if (!surviving) co_return std::unexpected(surviving.error());
  if (surviving->contains(id)) co_return std::unexpected(in_progress(id));
  co_return Result<void>{};
}

}  // namespace flashpods::uploads
