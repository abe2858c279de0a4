#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "mcp/backend.h"
#include "mcp/job_lookup.h"
#include "mcp/job_report.h"
#include "mcp/json_rpc.h"
#include "mcp/tools/job_id_argument.h"
#include "mcp/tools/job_status.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

using nlohmann::json;

constexpr std::string_view kDescription =
    R"(Wait for a job to end: returns at its end, or after at most 45 seconds with its status then
(call again to go on waiting). Same answer as get_job_status. job_id may be a client_job_id.)";

/// What is left of 45 s after the waiting is for the last status and its output.
constexpr Milliseconds kWaitAtMost{40'000};
constexpr Milliseconds kFirstPause{200};
constexpr Milliseconds kLongestPause{2'000};

bool is_over_now(const JobReference& reference, const json& job) {
  return reference.spawn ? reference.spawn->is_over() : is_over(job);
}

void report_progress(Call& call, Milliseconds waited, const JobReference& reference,
                     const json& job) {
  const auto words =
      reference.spawn ? describe(*reference.spawn) : "job is " + text_member(job, "status");
  call.progress(static_cast<double>(waited.count()) / 1000.0, std::nullopt, words);
}

Awaitable<Result<ToolReply>> wait(Call& call, std::string id) {
  const auto& services = call.backend.services();
  const auto begin = services.clock.monotonic();
  auto pause = kFirstPause;
  while (true) {
    const auto found = co_await look_up(call, id);
    if (!found) co_return std::unexpected(found.error());
    const auto& reference = *found;
    json job = json::object();
    if (!reference.spawn) {
      auto api = co_await call.backend.api();
      if (!api) co_return std::unexpected(std::move(api.error()));
      auto read = co_await (*api)->job(reference.id);
      if (!read) co_return std::unexpected(std::move(read.error()));
      job = std::move(*read);
    }
    const auto waited = services.clock.monotonic() - begin;
    if (is_over_now(reference, job) || waited + pause > kWaitAtMost) {
      if (reference.spawn) co_return report_spawn(*reference.spawn, services.random);
      co_return co_await report_with_output(call, job);
    }
    report_progress(call, waited, reference, job);
    co_await services.timer.sleep_for(pause);
    pause = std::min(pause * 3 / 2, kLongestPause);
  }
}

Awaitable<Result<ToolReply>> handle(Call& call) {
  auto id = read_job_id(call.arguments);
  if (!id) co_return std::unexpected(std::move(id.error()));
  co_return co_await wait(call, std::move(*id));
}

}  // namespace

Tool wait_for_job_tool() {
  return {"wait_for_job",
          "Wait for a job",
          kDescription,
          kJobIdSchema,
          kJobReportSchema,
          {.read_only = true, .destructive = false, .idempotent = true},
          false,
          handle};
}

}  // namespace flashpods::mcp
