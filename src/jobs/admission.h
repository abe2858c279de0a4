#pragma once
// Admission control (spec, "Resource Scheduling"): strict, no overcommit. Pure.

#include <optional>

#include "base/error.h"
#include "jobs/limits.h"

namespace flashpods::jobs {

/// What is held: every job from its row until its container is confirmed gone.
struct Usage {
  Resources held;
  std::int64_t jobs = 0;
};

/// A request cut down to the caps of its type.
struct Grant {
  Resources resources;
  std::int64_t timeout_minutes = 0;
};

[[nodiscard]] Grant apply_caps(const JobRequest& request, const TypeLimits& limits);

/// JSON object of what the grant cut: {"cpus": {"requested": 12, "granted": 8}}; "{}" if nothing.
[[nodiscard]] std::string describe_adjustments(const JobRequest& request, const Grant& grant);

/// kExhausted "insufficient_resources" with the specification's body if `wanted` does not fit into
/// what is free; `never_fits` in it is true if it would not fit an empty host.
[[nodiscard]] Result<void> admit(const Resources& wanted, const Usage& usage,
                                 const Resources& capacity);

}  // namespace flashpods::jobs
