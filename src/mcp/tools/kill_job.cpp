#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mcp/backend.h"
#include "mcp/json_rpc.h"
#include "mcp/spawns.h"
#include "mcp/tools/job_id_argument.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

using nlohmann::json;

constexpr std::string_view kDescription =
    R"(Terminate a running job immediately.
What it wrote to /artifacts so far is kept. Also stops an upload under way. job_id may be a
client_job_id.)";

constexpr std::string_view kOutput = R"({
  "type": "object",
  "properties": {
    "job_id": {"type": "string"},
    "status": {"type": "string"},
    "message": {"type": ["string", "null"]}
  },
  "required": ["job_id", "status", "message"]
})";

ToolReply make_reply(const std::string& id, const std::string& status, const std::string& message) {
  json object{{"job_id", id},
              {"status", status},
              {"message", message.empty() ? json(nullptr) : json(message)}};
  auto text = id + ": " + status + (message.empty() ? "" : "\n" + message);
  return {std::move(text), std::make_shared<const json>(std::move(object))};
}

ToolReply never_began(const std::string& id) {
  return make_reply(id, "cancelled", "the job was stopped before it began");
}

/// Ends a spawn under way. What it says afterwards is what we saw of it, not what the server did.
Awaitable<void> stop(std::shared_ptr<Spawn> spawn) {
  if (spawn->is_over()) co_return;
  spawn->cancel.set();
  co_await spawn->finished.wait();
}

Error not_stopped(Error error, const std::string& id) {
  error.message = "the job " + id + " may be running, and could not be stopped: " + error.message;
  return error;
}

Awaitable<Result<ToolReply>> kill(Call& call, std::string id) {
  const auto api = co_await call.backend.api();
  if (!api) co_return std::unexpected(api.error());
  const auto reply = co_await (*api)->kill_job(id);
  if (!reply) co_return std::unexpected(reply.error());
  const auto its_id = text_member(*reply, "job_id");
  co_return make_reply(its_id.empty() ? id : its_id, text_member(*reply, "status"),
                       to_one_line(text_member(*reply, "message"), 1000));
}

Awaitable<Result<ToolReply>> kill_spawned(Call& call, std::shared_ptr<Spawn> spawn) {
  const auto& key = spawn->client_job_id;
  co_await stop(spawn);
  if (!spawn->was_posted) co_return never_began(key);
  const auto id = spawn->reply ? text_member(*spawn->reply, "job_id") : key;
  auto killed = co_await kill(call, id);
  if (killed || spawn->reply) co_return killed;
  if (killed.error().kind == ErrorKind::kNotFound) co_return never_began(key);
  co_return std::unexpected(not_stopped(std::move(killed.error()), id));
}

Awaitable<Result<ToolReply>> handle(Call& call) {
  auto job_id = read_job_id(call.arguments);
  if (!job_id) co_return std::unexpected(std::move(job_id.error()));
  if (auto spawn = call.spawns.find(*job_id)) {
    co_return co_await kill_spawned(call, std::move(spawn));
  }
  co_return co_await kill(call, std::move(*job_id));
}

}  // namespace

Tool kill_job_tool() {
  return {"kill_job",   "Kill a job", kDescription,
          kJobIdSchema, kOutput,      {.read_only = false, .destructive = true, .idempotent = true},
          false,        handle};
}

}  // namespace flashpods::mcp
