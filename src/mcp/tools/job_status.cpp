#include "mcp/tools/job_status.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mcp/backend.h"
#include "mcp/job_lookup.h"
#include "mcp/job_report.h"
#include "mcp/json_rpc.h"

namespace flashpods::mcp {

using nlohmann::json;

namespace {

constexpr std::int64_t kLastLines = 20;
constexpr std::size_t kLastBytes = 8'000;

/// The end of a text, from a whole character on.
std::string last_bytes(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  return "…" + to_valid_utf8(text.substr(text.size() - limit));
}

bool went_wrong(const json& job) {
  const auto outcome = text_member(job, "outcome");
  const auto status = outcome.empty() ? text_member(job, "status") : outcome;
  return status == "failed" || status == "timed_out";
}

}  // namespace

Awaitable<ToolReply> report_with_output(Call& call, const json& job) {
  std::string last_lines;
  if (went_wrong(job)) {
    auto api = co_await call.backend.api();
    client::OutputQuery query;
    query.tail = kLastLines;
    if (api) {
      const auto output = co_await (*api)->output(text_member(job, "id"), std::move(query));
      if (output)
        last_lines = last_bytes(to_plain_text(text_member(*output, "output")), kLastBytes);
    }
  }
  co_return report_job(job, last_lines, call.backend.services().random);
}

Awaitable<Result<ToolReply>> read_status(Call& call, std::string job_id) {
  const auto reference = co_await look_up(call, std::move(job_id));
  if (!reference) co_return std::unexpected(reference.error());
  if (reference->spawn) {
    co_return report_spawn(*reference->spawn, call.backend.services().random);
  }
  auto api = co_await call.backend.api();
  if (!api) co_return std::unexpected(std::move(api.error()));
  const auto job = co_await (*api)->job(reference->id);
  if (!job) co_return std::unexpected(job.error());
  co_return co_await report_with_output(call, *job);
}

}  // namespace flashpods::mcp
