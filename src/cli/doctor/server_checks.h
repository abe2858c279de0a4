#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "cli/doctor/check.h"

namespace flashpods::cli {

/// What a server says of itself, from GET /health. Pure.
[[nodiscard]] Checks check_health(const nlohmann::json& health);

/// No server answered; that is no fault of the machine where none was started yet.
[[nodiscard]] Checks no_server(const Error& error);

}  // namespace flashpods::cli
