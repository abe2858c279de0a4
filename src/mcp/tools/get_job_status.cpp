#include "mcp/job_report.h"
#include "mcp/tools/job_id_argument.h"
#include "mcp/tools/job_status.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

constexpr std::string_view kDescription =
    R"(Check job status. Returns: status, elapsed time, exit code if complete.
Also the cause and a hint if it failed, with its last 20 lines. job_id may be a client_job_id.)";

Awaitable<Result<ToolReply>> handle(Call& call) {
  auto id = read_job_id(call.arguments);
  if (!id) co_return std::unexpected(std::move(id.error()));
  co_return co_await read_status(call, std::move(*id));
}

}  // namespace

Tool get_job_status_tool() {
  return {"get_job_status",
          "Check a job",
          kDescription,
          kJobIdSchema,
          kJobReportSchema,
          {.read_only = true, .destructive = false, .idempotent = true},
          false,
          handle};
}

}  // namespace flashpods::mcp
