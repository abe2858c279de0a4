#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mcp/backend.h"
#include "mcp/job_lookup.h"
#include "mcp/json_rpc.h"
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

Awaitable<Result<ToolReply>> handle(Call& call) {
  auto job_id = read_job_id(call.arguments);
  if (!job_id) co_return std::unexpected(std::move(job_id.error()));
  const auto reference = look_up(call, *job_id);
  if (reference.spawn) {
    reference.spawn->cancel.set();
    co_await reference.spawn->finished.wait();
    co_return make_reply(*job_id, "cancelled", "the job was stopped before it began");
  }
  const auto api = co_await call.backend.api();
  if (!api) co_return std::unexpected(api.error());
  const auto reply = co_await (*api)->kill_job(reference.id);
  if (!reply) co_return std::unexpected(reply.error());
  const auto id = text_member(*reply, "job_id");
  co_return make_reply(id.empty() ? reference.id : id, text_member(*reply, "status"),
                       to_one_line(text_member(*reply, "message"), 1000));
}

}  // namespace

Tool kill_job_tool() {
  return {"kill_job",   "Kill a job", kDescription,
          kJobIdSchema, kOutput,      {.read_only = false, .destructive = true, .idempotent = true},
          false,        handle};
}

}  // namespace flashpods::mcp
