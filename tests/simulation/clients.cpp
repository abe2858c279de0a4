#include "simulation/clients.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "jobs/state_machine.h"

namespace flashpods::simulation {

namespace {

using namespace std::chrono_literals;

constexpr int kMostAttempts = 12;

/// What `rsync -avz DIR/ rsync://HOST/uploads/ID/` asks for.
uploads::TransferRequest request_for(const std::string& id) {
  return {"uploads/" + id + "/", {"--server", "-vlogDtprze.iLsfxCIvu", ".", id + "/"}};
}

}  // namespace

Clients::Clients(Host host, std::function<Daemon*()> daemon, std::uint64_t seed)
    : host_(host), daemon_(std::move(daemon)), random_(seed) {}

void Clients::begin(int count) {
  for (int number = 0; number < count; ++number) begin("a client", live(number));
}

void Clients::begin(std::string who, Awaitable<void> life) {
  ++active_;
  auto end = [this, who = std::move(who)](std::exception_ptr error) {
    --active_;
    if (error) host_.scheduler.trace().violation(who + " met an exception");
  };
  boost::asio::co_spawn(host_.scheduler.loop(), std::move(life), std::move(end));
}

Awaitable<void> Clients::pause(Milliseconds at_most) {
  const auto bound = static_cast<std::size_t>(at_most.count()) + 1;
  co_await host_.scheduler.sleep(Owner::kWorld, Milliseconds(host_.scheduler.below(bound)));
}

Awaitable<Daemon*> Clients::reach() {
  co_await host_.scheduler.wait(Owner::kWorld, "request", [this] {
    const Daemon* daemon = daemon_();
    return daemon != nullptr && daemon->serves();
  });
  co_return daemon_();
}

jobs::JobRequest Clients::a_request(int number) {
  auto& scheduler = host_.scheduler;
  jobs::JobRequest request;
  request.command = fmt::format("make {}", number);
  request.image = "busybox";
  request.resources = {1 + static_cast<std::int64_t>(scheduler.below(3)), 2};
  request.timeout_minutes = 1 + static_cast<std::int64_t>(scheduler.below(30));
  request.keep_minutes = 10;
  if (scheduler.chance(85)) request.client_job_id = make_uuid(random_);
  return request;
}

Awaitable<void> Clients::live(int number) {
  auto& scheduler = host_.scheduler;
  co_await pause(2min);
  auto request = a_request(number);
  if (scheduler.chance(60)) {
    request.files_id = co_await upload();
    if (!request.files_id) co_return;
  }
  if (request.client_job_id && scheduler.chance(40)) {
    begin("a second client", create_once_more(request));  // the same request at the same time
  }
  const auto job = co_await create(request);
  if (!job || !scheduler.chance(30)) co_return;
  if (scheduler.chance(50)) co_await pause(1min);
  co_await stop(*job);
}

Awaitable<void> Clients::create_once_more(jobs::JobRequest request) {
  [[maybe_unused]] const auto job = co_await create(std::move(request));
}

// Uploads

Awaitable<std::optional<std::string>> Clients::upload() {
  const auto id = make_upload_id(random_);
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const bool sent = co_await send(id);
    if (sent) {
      const bool final = co_await finalize(id);
      if (final) co_return id;
    }
    co_await pause(30s);
  }
  co_return std::nullopt;
}

/// One rsync: its process outlives the daemon that started it.
Awaitable<bool> Clients::send(std::string id) {
  Daemon* daemon = co_await reach();
  const auto number = daemon->number();  // a later one may well have its address
  const auto connection = random_hex(random_, 4);
  bool admitted = false;
  try {
    host_.disk.now.transfers[connection] = {};
    host_.disk.rsyncs.insert(connection);
    daemon->uploads().open_transfer(connection);
    uploads::TransferAttempt attempt{connection, "127.0.0.1", request_for(id), [] {}};
    const auto admission = co_await daemon->uploads().admit(std::move(attempt));
    admitted = admission.has_value();
    if (!admission) host_.scheduler.trace().add("refused", admission.error().code);
  } catch (const Killed&) {
  } catch (const StoreError&) {
  }
  begin("rsync", write_files(connection, id));
  const auto is_gone = [this, number] { return daemon_()->number() != number; };
  co_await host_.scheduler.wait(Owner::kWorld, "rsync ends", [this, connection, is_gone] {
    return is_gone() || !host_.disk.rsyncs.contains(connection);
  });
  if (is_gone()) co_return false;  // it tries again, whatever its first rsync still does
  try {
    co_await daemon->uploads().end_transfer(connection, admitted ? id : "", admitted);
  } catch (const Killed&) {
    co_return false;
  } catch (const StoreError&) {
    co_return false;
  }
  co_return admitted;
}

/// It has the upload's directory open: renames do not keep it from writing, only its end does.
Awaitable<void> Clients::write_files(std::string connection, std::string id) {
  File open;
  const auto pieces = 1 + host_.scheduler.below(10);
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    if (host_.scheduler.chance(30)) co_await pause(2min);
    co_await host_.scheduler.step(Owner::kWorld, "rsync writes");
    if (!host_.disk.rsyncs.contains(connection)) co_return;  // the power was cut
    const auto uploads = host_.disk.now.transfers.find(connection);
    if (!open && uploads != host_.disk.now.transfers.end()) {
      const auto found = uploads->second.find(id);
      if (found != uploads->second.end()) open = found->second;
    }
    if (open) *open = {1 + host_.scheduler.below(1'000'000), false};
  }
  host_.disk.rsyncs.erase(connection);
}

Awaitable<bool> Clients::finalize(std::string id) {
  Daemon* daemon = co_await reach();
  try {
    const auto upload = co_await daemon->uploads().finalize(id);
    if (!upload) {
      host_.scheduler.trace().add("not finalized", upload.error().code);
      co_return upload.error().code == "already_finalized";
    }
    co_return !host_.scheduler.chance(host_.faults.lost_reply);
  } catch (const Killed&) {
  } catch (const StoreError&) {
  }
  co_return false;
}

// Jobs

Awaitable<std::optional<std::string>> Clients::create(jobs::JobRequest request) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    Daemon* daemon = co_await reach();
    try {
      const auto creation = co_await daemon->jobs().create(request);
      if (creation) {
        note(request, *creation);
        if (!host_.scheduler.chance(host_.faults.lost_reply)) co_return creation->job.id;
      } else {
        host_.scheduler.trace().add("not created", creation.error().code);
        if (creation.error().kind != ErrorKind::kExhausted) co_return std::nullopt;
      }
    } catch (const Killed&) {
    } catch (const StoreError&) {
    }
    if (!request.client_job_id) co_return std::nullopt;  // it must not repeat what it cannot name
    co_await pause(30s);
  }
  co_return std::nullopt;
}

void Clients::note(const jobs::JobRequest& request, const jobs::Creation& creation) {
  auto& promises = host_.invariants.promises;
  promises.acknowledged.insert(creation.job.id);
  host_.scheduler.trace().add(creation.created ? "created" : "found", creation.job.id);
  // Once a job is cleaned its key makes a new one.
  if (!request.client_job_id || host_.invariants.is_cleaned(creation.job.id)) return;
  const auto [known, is_new] = promises.job_of_key.emplace(*request.client_job_id, creation.job.id);
  if (!is_new && known->second != creation.job.id) {
    host_.scheduler.trace().violation("a key's second answer names another job");
  }
}

Awaitable<void> Clients::stop(std::string job_id) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    Daemon* daemon = co_await reach();
    try {
      const auto job = co_await daemon->jobs().stop(job_id);
      if (!job) {
        host_.scheduler.trace().violation("a job that was created is not known");
      } else if (jobs::is_active(job->status)) {
        host_.invariants.promises.stopped.insert(job_id);
      }
      co_return;
    } catch (const Killed&) {
    } catch (const StoreError&) {
    }
    co_await pause(10s);
  }
}

}  // namespace flashpods::simulation
