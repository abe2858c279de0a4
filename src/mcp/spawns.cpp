#include "mcp/spawns.h"

#include <array>
#include <ranges>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "client/reply_error.h"
#include "client/spawn.h"
#include "client/uploader.h"
#include "mcp/json_rpc.h"
#include "mcp/spawn_differences.h"

namespace flashpods::mcp {

using nlohmann::json;

namespace {

constexpr std::size_t kKept = 100;
constexpr int kUploadIds = 20;
constexpr std::size_t kNamedSecrets = 8;
constexpr int kKillTries = 8;

constexpr std::array<std::string_view, 7> kPhases{"preparing",        "uploading", "starting",
                                                  "waiting_for_room", "started",   "upload_failed",
                                                  "cancelled"};

void set_phase(Spawn& spawn, SpawnPhase phase) {
  spawn.phase = phase;
  if (spawn.on_change) spawn.on_change();
}

void fail_with(Spawn& spawn, Error error) {
  spawn.error = std::move(error);
  set_phase(spawn, SpawnPhase::kFailed);
}

constexpr const char* kSecretsWarning =
    "Files that look like secrets went along (likely_secrets). If the job does not need them, "
    "exclude them next time.";

std::vector<std::string> shown_secrets(const std::vector<std::string>& secrets) {
  std::vector<std::string> names;
  for (const auto& name : secrets | std::views::take(kNamedSecrets)) {
    names.push_back(to_one_line(name));
  }
  if (secrets.size() > kNamedSecrets) names.emplace_back("…");
  return names;
}

/// An id that this spawn may send to: the first that is new or unfinished.
Awaitable<Result<std::string>> choose_upload_id(client::Api& api, const std::string& client_job_id,
                                                const std::filesystem::path& directory) {
  for (int attempt = 0; attempt < kUploadIds; ++attempt) {
    auto id = upload_id_for(client_job_id, directory, api.connection().token, attempt);
    const auto known = co_await api.upload(id);
    if (!known && known.error().kind == ErrorKind::kNotFound) co_return id;
    if (!known && known.error().kind != ErrorKind::kGone) {
      co_return std::unexpected(known.error());
    }
    if (known) {
      const auto state = text_member(*known, "state");
      const bool reserved = !member(*known, "job_id").is_null();
      if (state == "uploading" || (state == "finalized" && !reserved)) co_return id;
    }
  }
  co_return fail(ErrorKind::kConflict, "client_job_id_worn_out",
                 "this client_job_id was used for too many uploads; take a new one");
}

Awaitable<Result<client::UploadPlan>> prepare(Spawn& spawn, client::Api& api,
                                              client::UploadRequest request,
                                              const Services& services) {
  const auto health = co_await api.health();
  if (!health) co_return std::unexpected(health.error());
  auto plan = co_await client::plan_upload(std::move(request), services.pool, services.runner);
  if (!plan) co_return plan;
  spawn.total_bytes = plan->bytes;
  const auto limit = client::upload_limit(*health);
  if (limit) {
    if (auto fits = client::check_quota(*plan, *limit); !fits) {
      co_return std::unexpected(std::move(fits.error()));
    }
  }
  spawn.likely_secrets = shown_secrets(plan->secrets);
  if (!plan->secrets.empty()) spawn.warnings.emplace_back(kSecretsWarning);
  co_return plan;
}

Awaitable<Result<void>> send_files(std::shared_ptr<Spawn> spawn, client::Api& api,
                                   client::UploadRequest request, const Services& services) {
  auto plan = co_await prepare(*spawn, api, std::move(request), services);
  if (!plan) co_return std::unexpected(std::move(plan.error()));
  auto id = co_await choose_upload_id(api, spawn->client_job_id, plan->directory);
  if (!id) co_return std::unexpected(std::move(id.error()));
  spawn->upload_id = *id;
  set_phase(*spawn, SpawnPhase::kUploading);
  client::OnProgress on_progress = [spawn](const client::UploadProgress& progress) {
    spawn->sent_bytes = progress.bytes;
    if (spawn->on_change) spawn->on_change();
  };
  auto sent = co_await client::send_upload(api, services.timer, std::move(*plan), *id,
                                           std::move(on_progress));
  if (!sent) co_return std::unexpected(std::move(sent.error()));
  spawn->sent_bytes = spawn->total_bytes;
  spawn->upload = std::make_shared<const json>(std::move(*sent));
  co_return Result<void>{};
}

Awaitable<Result<json>> create(std::shared_ptr<Spawn> spawn, client::Api& api, json body,
                               const Services& services) {
  if (!spawn->upload_id.empty()) body["files_id"] = spawn->upload_id;
  spawn->was_posted = true;
  set_phase(*spawn, SpawnPhase::kStarting);
  client::OnSpawnWait on_wait = [spawn](const Error& why, Milliseconds) {
    spawn->waiting_for = why.message;
    set_phase(*spawn, SpawnPhase::kWaiting);
  };
  return client::spawn_job(api, services.timer, std::move(body), {}, std::move(on_wait));
}

/// A fault of ours ends one spawn, and whoever watches it learns of it.
Awaitable<void> guarded(std::shared_ptr<Spawn> spawn, Awaitable<void> steps) {
  try {
    co_await std::move(steps);
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) throw;
    fail_with(*spawn, {ErrorKind::kInternal, "internal_error", error.what()});
  } catch (const std::exception& error) {
    fail_with(*spawn, {ErrorKind::kInternal, "internal_error", error.what()});
  }
}

Awaitable<void> wait_for_cancel(std::shared_ptr<Spawn> spawn) { co_await spawn->cancel.wait(); }

}  // namespace

std::string_view to_string(SpawnPhase phase) { return kPhases.at(static_cast<std::size_t>(phase)); }

std::string upload_id_for(const std::string& client_job_id, const std::filesystem::path& directory,
                          const std::string& secret, int attempt) {
  std::string text = secret;
  for (const auto& part : {client_job_id, directory.string(), std::to_string(attempt)}) {
    text += '\0' + part;
  }
  return "upload_" + sha256_hex(text).substr(0, 32);
}

Spawns::Spawns(const Executor& executor, Backend& backend)
    : executor_(executor),
      backend_(backend),
      tasks_(executor, [](const std::string&, const std::string&) {}) {}

std::shared_ptr<Spawn> Spawns::find(const std::string& client_job_id) const {
  const auto found = spawns_.find(client_job_id);
  return found == spawns_.end() ? nullptr : found->second;
}

void Spawns::forget_old() {
  for (auto at = spawns_.begin(); at != spawns_.end() && spawns_.size() > kKept;) {
    at = at->second->is_over() ? spawns_.erase(at) : std::next(at);
  }
}

SpawnStart Spawns::start(SpawnRequest request) {
  if (auto known = find(request.client_job_id); known && !known->is_over()) {
    return {known, differing_arguments(*known->asked, request)};
  }
  forget_old();
  auto spawn = std::make_shared<Spawn>(executor_);
  spawn->client_job_id = request.client_job_id;
  spawn->asked = std::make_shared<const SpawnRequest>(request);
  spawns_[request.client_job_id] = spawn;
  tasks_.start("spawn", run(spawn, std::move(request)));
  return {spawn, {}};
}

Awaitable<void> Spawns::steps(std::shared_ptr<Spawn> spawn, SpawnRequest request) {
  const auto& services = backend_.services();
  auto api = co_await backend_.api();
  if (!api) co_return fail_with(*spawn, std::move(api.error()));
  if (request.upload) {
    auto sent = co_await send_files(spawn, **api, std::move(*request.upload), services);
    if (!sent) co_return fail_with(*spawn, std::move(sent.error()));
  }
  auto reply = co_await create(spawn, **api, *request.job, services);
  if (!reply) co_return fail_with(*spawn, std::move(reply.error()));
  spawn->reply = std::make_shared<const json>(std::move(*reply));
  set_phase(*spawn, SpawnPhase::kStarted);
}

Awaitable<void> Spawns::run(std::shared_ptr<Spawn> spawn, SpawnRequest request) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto work = steps(spawn, std::move(request));
  co_await (guarded(spawn, std::move(work)) || wait_for_cancel(spawn));
  if (!spawn->is_over()) set_phase(*spawn, SpawnPhase::kCancelled);
  spawn->finished.set();
  if (spawn->on_change) spawn->on_change();
  // A POST that was cut off, or answered this very moment, may have made the job.
  if (spawn->cancel.is_set() && spawn->was_posted) co_await withdraw(spawn);
}

/// Kills the job that nobody wants any more. Nobody waits for this, so that a link which is down
/// has to be waited for here; but what was begun with the same key meanwhile is wanted.
Awaitable<void> Spawns::withdraw(std::shared_ptr<Spawn> spawn) {
  for (int attempt = 0; attempt < kKillTries; ++attempt) {
    if (attempt > 0) {
      co_await backend_.services().timer.sleep_for(client::spawn_wait(attempt - 1, std::nullopt));
    }
    if (find(spawn->client_job_id) != spawn) co_return;
    auto api = co_await backend_.api();
    if (!api) continue;
    const auto killed = co_await (*api)->kill_job(spawn->client_job_id);
    if (killed || !client::is_transient(killed.error())) co_return;
  }
}

Awaitable<void> Spawns::close() { return tasks_.close(); }

}  // namespace flashpods::mcp
