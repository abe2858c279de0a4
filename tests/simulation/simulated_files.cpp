#include "simulation/simulated_files.h"

#include <array>
#include <cerrno>

#include "artifacts/repository.h"

namespace flashpods::simulation {

namespace {

constexpr std::string_view kArtifact = "out.bin";

std::unexpected<Error> disk_error(Scheduler& scheduler) {
  constexpr std::array kErrors{ENOSPC, EIO, EMFILE};
  return std::unexpected(errno_error(kErrors[scheduler.below(kErrors.size())], "simulated"));
}

/// As rename(2): the name at the target is replaced.
template <class From, class To>
void move_entry(From& from, To& to, const std::string& id) {
  const auto entry = from.find(id);
  if (entry == from.end()) return;
  to[id] = entry->second;
  from.erase(entry);
}

}  // namespace

Awaitable<Result<void>> DiskAccess::change(std::string_view what,
                                           std::function<void(DiskState&)> apply) {
  co_await scheduler.step(Owner::kDaemon, what);
  if (scheduler.chance(faults.files)) co_return disk_error(scheduler);
  const auto change = disk.begin_change();
  apply(disk.now);
  co_await scheduler.step(Owner::kDaemon, "sync");
  disk.synced(change);
  if (scheduler.chance(faults.files))
    co_return disk_error(scheduler);  // after the fact, as fsync may
  co_await scheduler.step(Owner::kDaemon, "synced");
  co_return Result<void>{};
}

// Jobs

std::filesystem::path SimulatedJobFiles::directory(const std::string& job_id) const {
  return "/jobs/" + job_id;
}

std::filesystem::path SimulatedJobFiles::log_file(const std::string& job_id) const {
  return "/logs/" + job_id + ".log";
}

Awaitable<Result<void>> SimulatedJobFiles::prepare(std::string job_id,
                                                   std::optional<std::string> upload_id) {
  bool missing = false;
  auto move = [&](DiskState& disk) {
    Workspace& workspace = disk.workspaces[job_id];
    if (!upload_id || workspace.work) return;
    auto& place = disk.sealed.contains(*upload_id) ? disk.sealed : disk.received;
    const auto found = place.find(*upload_id);
    missing = found == place.end();
    if (missing) return;
    workspace.work = found->second;
    place.erase(found);
  };
  const auto moved = co_await with_.change("prepare workspace", std::move(move));
  if (moved && missing) co_return fail(ErrorKind::kNotFound, "no_files", "the upload is gone");
  co_return moved;
}

Awaitable<Result<jobs::Collected>> SimulatedJobFiles::collect(std::string job_id) {
  auto& disk = with_.disk.now;
  co_await with_.scheduler.step(Owner::kDaemon, "collect");
  if (with_.scheduler.chance(with_.faults.files)) co_return disk_error(with_.scheduler);
  const auto change = with_.disk.begin_change();
  const auto workspace = disk.workspaces.find(job_id);
  if (workspace != disk.workspaces.end() && workspace->second.artifact) {
    disk.artifacts[job_id] = workspace->second.artifact;
  }
  if (with_.bug != Bug::kNoFsync) {
    co_await with_.scheduler.step(Owner::kDaemon, "sync artifacts");
    const auto kept = disk.artifacts.find(job_id);
    if (kept != disk.artifacts.end()) kept->second->synced = true;
    with_.disk.synced(change);
  }
  co_await with_.scheduler.step(Owner::kDaemon, "collected");
  jobs::Collected collected;
  const auto kept = disk.artifacts.find(job_id);
  if (kept == disk.artifacts.end()) co_return collected;
  collected.insert_rows = [job_id, content = kept->second->content](Transaction& tx, Time now) {
    artifacts::Artifact artifact;
    artifact.name = kArtifact;
    artifact.size_bytes = content;
    artifacts::insert_all(tx, job_id, {artifact}, now);
  };
  co_return collected;
}

Awaitable<std::string> SimulatedJobFiles::log_tail(std::string, std::size_t) {
  co_return std::string{};
}

Awaitable<Result<void>> SimulatedJobFiles::remove_workspace(std::string job_id) {
  if (with_.bug == Bug::kLeavesWorkspace) co_return Result<void>{};
  co_return co_await with_.change("remove workspace",
                                  [&](DiskState& disk) { disk.workspaces.erase(job_id); });
}

Awaitable<Result<void>> SimulatedJobFiles::remove_log(std::string job_id) {
  co_return co_await with_.change("remove log", [&](DiskState& disk) { disk.logs.erase(job_id); });
}

Awaitable<Result<void>> SimulatedJobFiles::remove_artifacts(std::string job_id) {
  co_return co_await with_.change("remove artifacts",
                                  [&](DiskState& disk) { disk.artifacts.erase(job_id); });
}

Awaitable<jobs::JobsOnDisk> SimulatedJobFiles::on_disk() {
  co_await with_.scheduler.step(Owner::kDaemon, "look at the disk");
  jobs::JobsOnDisk found;
  std::set<std::string> results;
  for (const auto& [id, file] : with_.disk.now.logs) results.insert(id);
  for (const auto& [id, workspace] : with_.disk.now.workspaces) found.workspaces.push_back(id);
  for (const auto& [id, file] : with_.disk.now.artifacts) results.insert(id);
  found.results.assign(results.begin(), results.end());
  co_return found;
}

// Uploads

Awaitable<Result<void>> SimulatedUploadFiles::create() { co_return Result<void>{}; }

Awaitable<Result<uploads::DiskUse>> SimulatedUploadFiles::usage() {
  co_await with_.scheduler.step(Owner::kDaemon, "measure uploads");
  if (with_.scheduler.chance(with_.faults.files)) co_return disk_error(with_.scheduler);
  co_return uploads::DiskUse{};
}

Awaitable<Result<uploads::TreeContent>> SimulatedUploadFiles::reopen(std::string) {
  co_await with_.scheduler.step(Owner::kDaemon, "reopen upload");
  if (with_.scheduler.chance(with_.faults.files)) co_return disk_error(with_.scheduler);
  co_return uploads::TreeContent{};
}

Awaitable<Result<void>> SimulatedUploadFiles::claim(std::string id, std::string connection) {
  auto claim = [&](DiskState& disk) {
    auto& uploads = disk.transfers[connection];
    uploads.try_emplace(id, make_file());
    move_entry(disk.received, uploads, id);
  };
  co_return co_await with_.change("claim upload", std::move(claim));
}

Awaitable<Result<void>> SimulatedUploadFiles::give_back(std::string connection,
                                                        std::vector<std::string> ids) {
  auto give = [&](DiskState& disk) {
    const auto transfer = disk.transfers.find(connection);
    if (transfer == disk.transfers.end()) return;
    for (const auto& id : ids) move_entry(transfer->second, disk.received, id);
    disk.transfers.erase(transfer);
  };
  co_return co_await with_.change("give back upload", std::move(give));
}

Awaitable<Result<std::vector<uploads::FoundTransfer>>> SimulatedUploadFiles::transfers() {
  co_await with_.scheduler.step(Owner::kDaemon, "list transfers");
  if (with_.scheduler.chance(with_.faults.files)) co_return disk_error(with_.scheduler);
  std::vector<uploads::FoundTransfer> found;
  for (const auto& [name, uploads] : with_.disk.now.transfers) {
    const bool live = with_.disk.rsyncs.contains(name) && with_.bug != Bug::kNoLock;
    found.push_back({name, live, live ? 2 : 0, {}});
    for (const auto& [id, file] : uploads) found.back().ids.push_back(id);
  }
  co_return found;
}

Awaitable<Result<uploads::TreeContent>> SimulatedUploadFiles::purge(std::string id) {
  co_await with_.scheduler.step(Owner::kDaemon, "purge upload");
  if (with_.scheduler.chance(with_.faults.files)) co_return disk_error(with_.scheduler);
  const auto found = with_.disk.now.received.find(id);
  if (found == with_.disk.now.received.end()) {
    co_return fail(ErrorKind::kNotFound, "no_files", "Nothing of this upload is there.");
  }
  uploads::TreeContent tree;
  tree.size_bytes = found->second->content;
  tree.files = 1;
  tree.entries = 1;
  co_await with_.scheduler.step(Owner::kDaemon, "purged upload");
  co_return tree;
}

Awaitable<Result<void>> SimulatedUploadFiles::flush(std::string id) {
  co_await with_.scheduler.step(Owner::kDaemon, "flush upload");
  if (with_.scheduler.chance(with_.faults.files)) co_return disk_error(with_.scheduler);
  const auto found = with_.disk.now.received.find(id);
  const bool forgets = with_.bug == Bug::kUploadNotSynced;
  if (found != with_.disk.now.received.end() && !forgets) found->second->synced = true;
  co_return Result<void>{};
}

Awaitable<Result<void>> SimulatedUploadFiles::seal(std::string id) {
  co_return co_await with_.change(
      "seal upload", [&](DiskState& disk) { move_entry(disk.received, disk.sealed, id); });
}

Awaitable<Result<void>> SimulatedUploadFiles::unseal(std::string id) {
  co_return co_await with_.change(
      "unseal upload", [&](DiskState& disk) { move_entry(disk.sealed, disk.received, id); });
}

Awaitable<Result<void>> SimulatedUploadFiles::remove(std::string id) {
  auto remove = [&](DiskState& disk) {
    disk.received.erase(id);
    disk.sealed.erase(id);
  };
  co_return co_await with_.change("remove upload", std::move(remove));
}

namespace {

Awaitable<Result<std::vector<std::string>>> ids_of(DiskAccess& with, Files DiskState::* place) {
  co_await with.scheduler.step(Owner::kDaemon, "list uploads");
  if (with.scheduler.chance(with.faults.files)) co_return disk_error(with.scheduler);
  std::vector<std::string> ids;
  for (const auto& [id, file] : with.disk.now.*place) ids.push_back(id);
  co_return ids;
}

}  // namespace

Awaitable<Result<std::vector<std::string>>> SimulatedUploadFiles::received() {
  co_return co_await ids_of(with_, &DiskState::received);
}

Awaitable<Result<std::vector<std::string>>> SimulatedUploadFiles::sealed() {
  co_return co_await ids_of(with_, &DiskState::sealed);
}

}  // namespace flashpods::simulation
