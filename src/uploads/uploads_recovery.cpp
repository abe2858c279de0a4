// What the clock and crashes leave behind.

#include <utility>

#include "base/failpoint.h"
#include "uploads/hold.h"
#include "uploads/repository.h"
#include "uploads/uploads.h"

namespace flashpods::uploads {

namespace {

std::optional<State> state_of(const std::optional<Upload>& upload) {
  return upload ? std::optional(upload->state) : std::nullopt;
}

}  // namespace

Awaitable<Result<void>> Uploads::repair(std::string id, Repair what) {
  switch (what) {
    case Repair::kKeep:
      co_return Result<void>{};
    case Repair::kSeal:
      co_return co_await files_.seal(std::move(id));
    case Repair::kUnseal:
      co_return co_await files_.unseal(std::move(id));
    case Repair::kRemove:
      break;
  }
  co_return co_await files_.remove(std::move(id));
}

Awaitable<Result<void>> Uploads::recover() {
  const auto created = co_await files_.create();
  if (!created) co_return created;
  auto surviving = co_await take_back_leftovers();
  if (!surviving) co_return std::unexpected(surviving.error());
  auto received = co_await repair_received();
  if (!received) co_return received;
  auto sealed = co_await repair_sealed();
  if (!sealed) co_return sealed;
  co_await clear_expired(std::move(*surviving));
  co_return Result<void>{};
}

Awaitable<Result<void>> Uploads::repair_received() {
  const auto names = co_await files_.received();
  if (!names) co_return std::unexpected(names.error());
  for (const auto& name : *names) {
    const auto upload = co_await row(name);
    const auto repaired = co_await repair(name, repair_of_received(state_of(upload)));
    if (!repaired) co_return repaired;
  }
  co_return Result<void>{};
}

Awaitable<Result<void>> Uploads::repair_sealed() {
  const auto names = co_await files_.sealed();
  if (!names) co_return std::unexpected(names.error());
  for (const auto& name : *names) {
    const auto upload = co_await row(name);
    const auto repaired = co_await repair(name, repair_of_sealed(state_of(upload)));
    if (!repaired) co_return repaired;
  }
  co_return Result<void>{};
}

Awaitable<void> Uploads::sweep() {
  auto surviving = co_await take_back_leftovers();
  if (!surviving) {
    with_.log.warning("upload_sweep_failed", {{"why", surviving.error().message}});
    co_return;
  }
  const auto now = with_.clock.now();
  std::set<std::string> spared = *surviving;
  for (const auto& [id, stop] : held_) spared.insert(id);
  auto expire_due = [now, spared](Transaction& tx) {
    for (const auto& upload : due(tx, now)) {
      if (!spared.contains(upload.id)) expire(tx, upload.id, now);
    }
  };
  co_await with_.store.transact(std::move(expire_due));
  FLASHPODS_FAILPOINT("upload.expired");
  co_await clear_expired(std::move(*surviving));
}

Awaitable<void> Uploads::clear_expired(std::set<std::string> surviving) {
  auto list = [](Transaction& tx) { return to_clear(tx); };
  const auto ids = co_await with_.store.transact(std::move(list));
  for (const auto& id : ids) {
    if (held_.contains(id) || surviving.contains(id)) continue;
    const Hold hold(*this, id);
    co_await clear(id);
  }
}

Awaitable<void> Uploads::clear(std::string id) {
  const auto removed = co_await files_.remove(id);
  if (!removed) {
    with_.log.warning("upload_not_removed", {{"upload_id", id}, {"why", removed.error().message}});
    co_return;
  }
  FLASHPODS_FAILPOINT("upload.cleared");
  auto mark = [id](Transaction& tx) { mark_cleared(tx, id); };
  co_await with_.store.transact(std::move(mark));
}

}  // namespace flashpods::uploads
