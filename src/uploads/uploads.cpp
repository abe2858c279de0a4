#include "uploads/uploads.h"

#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/random.h"
#include "base/text.h"
#include "uploads/hold.h"
#include "uploads/repository.h"

namespace flashpods::uploads {

namespace {

/// rsync's last words reach the client before its processes have ended and its files have moved; so
/// long a request that comes right behind them waits for the end. On a slow disk that is seconds.
constexpr Milliseconds kEndingTransfer{10'000};
constexpr Milliseconds kStoppedTransfer{5000};
constexpr Milliseconds kLook{10};

std::unexpected<Error> over_quota(std::string message) {
  return fail(ErrorKind::kInsufficientStorage, "upload_quota_exceeded", std::move(message));
}

Result<void> check_paths(const TreeContent& tree) {
  if (tree.longest_path <= kMaxPathBytes) return {};
  return fail(
      ErrorKind::kInvalid, "path_too_long",
      fmt::format("The upload has a path of {} bytes; at most {} are allowed. Exclude it, or "
                  "send fewer nested directories.",
                  tree.longest_path, kMaxPathBytes));
}

Result<void> check_quota(const TreeContent& tree, std::uint64_t total, const Limits& limits) {
  if (tree.disk_bytes > limits.max_upload_bytes) {
    return over_quota(
        fmt::format("The upload takes {}; at most {} are allowed. Exclude what the "
                    "job does not need.",
                    to_human_size(tree.disk_bytes), to_human_size(limits.max_upload_bytes)));
  }
  if (tree.entries > limits.max_files) {
    return over_quota(
        fmt::format("The upload has {} files and directories; at most {} are "
                    "allowed.",
                    tree.entries, limits.max_files));
  }
  if (total > limits.max_total_bytes) {
    return over_quota(
        fmt::format("All uploads together take {}; at most {} are allowed. Delete "
                    "some, or wait until they expire.",
                    to_human_size(total), to_human_size(limits.max_total_bytes)));
  }
  return {};
}

}  // namespace

Uploads::Uploads(Surroundings surroundings, UploadFiles& files, Limits limits)
    : with_(surroundings), files_(files), limits_(limits) {}

Awaitable<std::optional<Upload>> Uploads::row(std::string id) {
  auto find_row = [id](Transaction& tx) { return find(tx, id); };
  co_return co_await with_.store.transact(std::move(find_row));
}

Awaitable<bool> Uploads::wait_until_free(std::string id, Milliseconds limit) {
  const auto until = with_.clock.monotonic() + limit;
  while (held_.contains(id) && with_.clock.monotonic() < until) {
    co_await with_.timer.sleep_for(kLook);
  }
  co_return !held_.contains(id);
}

Awaitable<Result<Upload>> Uploads::get(std::string id) {
  auto upload = co_await row(id);
  if (!upload) co_return std::unexpected(not_found(id));
  upload->state = state_at(*upload, with_.clock.now());
  co_return std::move(*upload);
}

Awaitable<Result<Upload>> Uploads::finalize(std::string id) {
  const auto upload = co_await row(id);
  if (!upload) co_return std::unexpected(not_found(id));
  const bool free = co_await wait_until_free(id, kEndingTransfer);
  if (!free) co_return std::unexpected(in_progress(id));
  const Hold hold(*this, id);
  co_return co_await seal(id);
}

/// What is wrong with the files themselves is said before whether all of them came: a client that
/// exceeds its quota would otherwise be told to send the same files again.
Awaitable<Result<TreeContent>> Uploads::purge_and_measure(std::string id) {
  auto tree = co_await files_.purge(id);
  if (!tree && tree.error().kind == ErrorKind::kNotFound) co_return std::unexpected(incomplete(id));
  if (!tree) co_return tree;
  if (auto usable = check_paths(*tree); !usable) co_return std::unexpected(usable.error());
  const auto total = co_await files_.usage();
  if (!total) co_return std::unexpected(total.error());
  if (auto fits = check_quota(*tree, total->bytes, limits_); !fits) {
    co_return std::unexpected(fits.error());
  }
  co_return tree;
}

/// Everything about finalize that takes long, before the row changes.
Awaitable<Result<TreeContent>> Uploads::prepare_seal(std::string id) {
  auto tree = co_await purge_and_measure(id);
  if (!tree) co_return tree;
  const auto upload = co_await row(id);
  if (!upload) co_return std::unexpected(not_found(id));
  if (!upload->complete) co_return std::unexpected(incomplete(id));
  // After the last change to the tree, and before a row promises it.
  if (const auto flushed = co_await files_.flush(id); !flushed) {
    co_return std::unexpected(flushed.error());
  }
  co_return tree;
}

Awaitable<Result<Upload>> Uploads::seal(std::string id) {
  const auto upload = co_await row(id);
  if (!upload) co_return std::unexpected(not_found(id));
  const auto now = with_.clock.now();
  if (auto allowed = may_finalize(*upload, now); !allowed) {
    co_return std::unexpected(allowed.error());
  }
  const auto alone = co_await respect_survivor(id);
  if (!alone) co_return std::unexpected(alone.error());
  const auto tree = co_await prepare_seal(id);
  if (!tree) co_return std::unexpected(tree.error());

  // The row first: from here on it is final, and recover() finishes the rename if we cannot.
  auto finalize_row = [id, size = tree->size_bytes, files = tree->files, now,
                       limits = limits_](Transaction& tx) {
    return uploads::finalize(tx, id, size, files, now, limits);
  };
  FLASHPODS_FAILPOINT("upload.sealing");
  auto finalized = co_await with_.store.transact(std::move(finalize_row));
  if (!finalized) co_return finalized;
  FLASHPODS_FAILPOINT("upload.final");
  const auto moved = co_await files_.seal(id);
  FLASHPODS_FAILPOINT("upload.sealed");
  if (!moved) {
    with_.log.warning("upload_not_moved", {{"upload_id", id}, {"why", moved.error().message}});
  }
  with_.log.info("upload_finalized",
                 {{"upload_id", id}, {"bytes", tree->size_bytes}, {"files", tree->files}});
  co_return finalized;
}

Awaitable<Result<Upload>> Uploads::remove(std::string id) {
  auto remove_row = [id, now = with_.clock.now()](Transaction& tx) {
    return uploads::remove(tx, id, now);
  };
  auto removed = co_await with_.store.transact(std::move(remove_row));
  if (!removed) co_return removed;
  if (const auto holder = held_.find(id); holder != held_.end() && holder->second) {
    holder->second();
  }
  const bool free = co_await wait_until_free(id, kStoppedTransfer);
  if (free) {
    const Hold hold(*this, id);
    co_await clear(id);
  }
  with_.log.info("upload_deleted", {{"upload_id", id}});
  co_return removed;
}

}  // namespace flashpods::uploads
