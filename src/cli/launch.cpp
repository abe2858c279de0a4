#include "cli/launch.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/interrupts.h"
#include "cli/job_end.h"
#include "cli/job_watch.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "client/spawn.h"

namespace flashpods::cli {
namespace {

void tell_wait(Console& console, const Error& why, Milliseconds wait) {
  console.note("waiting " + to_human_duration(std::chrono::ceil<Seconds>(wait)) + ": " +
               to_one_line(why.message, 400));
}

// Uploads and creates; returns POST /jobs' reply.
Awaitable<Result<nlohmann::json>> create(Session& session, client::Api& api, FileOptions files,
                                         nlohmann::json request) {
  if (!files.directory.empty()) {
    auto upload = co_await upload_files(session, api, std::move(files));
    if (!upload) co_return std::unexpected(upload.error());
    request["files_id"] = *upload;
  }
  client::OnSpawnWait on_wait = [&console = session.console](const Error& why, Milliseconds wait) {
    tell_wait(console, why, wait);
  };
  const client::SpawnPolicy policy;
  co_return co_await client::spawn_job(api, session.timer, std::move(request), policy,
                                       std::move(on_wait));
}

// The request may have arrived although we never saw its reply.
Awaitable<int> give_up(Session& session, client::Api& api, std::string client_job_id) {
  auto killed = co_await api.kill_job(std::move(client_job_id));
  session.console.note(killed ? "interrupted; the job is being stopped"
                              : "interrupted; no job was started");
  co_return kCancelledExit;
}

void show_adjustments(Console& console, const nlohmann::json& created) {
  const auto& adjusted = member_at(created, "adjusted");
  if (!adjusted.is_object()) return;
  for (const auto& [name, change] : adjusted.items()) {
    const auto requested = integer_at(change, "requested");
    const auto granted = integer_at(change, "granted");
    if (!requested || !granted) continue;
    console.note("note: " + to_one_line(name) + " " + std::to_string(*requested) +
                 " is above the cap; granted " + std::to_string(*granted));
  }
}

/// A key that was used already gives the job that was made with it, whatever is asked now.
void show_existing(Console& console, const nlohmann::json& created) {
  std::string differing;
  for (const auto& name : array_at(created, "differs")) {
    if (!name.is_string()) continue;
    differing += (differing.empty() ? "" : ", ") + to_one_line(name.get<std::string>(), 100);
  }
  if (differing.empty()) return console.note("note: this job existed already");
  console.note("note: this job existed already, with another " + differing +
               ": nothing new was started; choose another --client-job-id for that");
}

void show_created(Session& session, const nlohmann::json& created, bool detach) {
  auto& console = session.console;
  const auto id = to_one_line(text_at(created, "job_id"));
  show_adjustments(console, created);
  if (member_at(created, "created") == false) show_existing(console, created);
  if (detach && session.json) {
    console.json(created);
  } else if (detach) {
    console.line(id);
  } else if (console.err().terminal) {
    console.note(paint("job " + id, Style::kDim, console.err().colour));
  }
}

// A command that ended by itself has said why; everything else needs a word from us.
void show_end(Session& session, const nlohmann::json& job) {
  auto& console = session.console;
  if (session.json) return console.json(job);
  const bool by_itself = effective_status(job) == "completed" || text_at(job, "error") == "exit";
  if (!by_itself) console.note("flashpods: " + to_terminal_text(describe_end(job)));
  if (const auto losses = describe_losses(job); !losses.empty()) {
    const auto id = to_one_line(text_at(job, "id"));
    console.note("flashpods: " + losses + "; see `flashpods status " + id +
                 "` and `flashpods artifacts " + id + "`");
  }
  const auto details = text_at(job, "details");
  if (!details.empty()) console.note("  details: " + to_one_line(details, 1000));
  const auto hint = text_at(job, "hint");
  if (!hint.empty()) console.note("hint: " + to_terminal_text(hint));
  const auto artifacts = integer_at(member_at(job, "artifacts"), "count").value_or(0);
  if (artifacts == 0 || !console.err().terminal) return;
  const auto line = std::to_string(artifacts) + " artifact" + (artifacts == 1 ? "" : "s") +
                    ": flashpods artifacts " + to_one_line(text_at(job, "id"));
  console.note(paint(line, Style::kDim, console.err().colour));
}

Awaitable<int> watch(Session& session, client::Api& api, Interrupts& interrupts,
                     std::string job_id) {
  auto watched = co_await watch_job(session, api, interrupts, std::move(job_id));
  if (!watched) co_return session.fail(watched.error());
  if (!*watched) co_return kCancelledExit;
  show_end(session, **watched);
  co_return job_exit_code(**watched);
}

}  // namespace

Awaitable<int> launch(Session& session, LaunchOptions options, nlohmann::json specific) {
  auto request = launch_request(options, session.environment);
  if (!request) co_return session.fail(request.error());
  request->update(specific);
  if (options.client_job_id.empty()) (*request)["client_job_id"] = make_uuid(session.random);
  auto api = co_await connect(session);
  if (!api) co_return session.fail(api.error());
  Interrupts interrupts{session};
  auto creation = create(session, **api, std::move(options.files), *request);
  auto created = co_await unless_interrupted(interrupts, std::move(creation));
  if (!created) co_return co_await give_up(session, **api, text_at(*request, "client_job_id"));
  if (!*created) co_return session.fail(created->error());
  show_created(session, **created, options.detach);
  if (options.detach) co_return 0;
  co_return co_await watch(session, **api, interrupts, text_at(**created, "job_id"));
}

}  // namespace flashpods::cli
