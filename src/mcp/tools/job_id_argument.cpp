#include "mcp/tools/job_id_argument.h"

#include "base/json_reader.h"

namespace flashpods::mcp {

const std::string_view kJobIdSchema = R"({
  "type": "object",
  "properties": {
    "job_id": {"type": "string"}
  },
  "required": ["job_id"]
})";

Result<std::string> read_job_id(const nlohmann::json& arguments) {
  JsonReader reader{arguments};
  auto id = reader.string("job_id");
  auto finished = reader.finish();
  if (!finished) return std::unexpected(std::move(finished.error()));
  return id;
}

}  // namespace flashpods::mcp
