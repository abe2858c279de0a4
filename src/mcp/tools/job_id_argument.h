#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"

namespace flashpods::mcp {

/// Input schema of the tools that take a job and nothing else.
extern const std::string_view kJobIdSchema;

/// Reads arguments that match it.
[[nodiscard]] Result<std::string> read_job_id(const nlohmann::json& arguments);

}  // namespace flashpods::mcp
