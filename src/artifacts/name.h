#pragma once

#include <string_view>

#include "base/error.h"

namespace flashpods::artifacts {

/// Whether a name may be an artifact's: a file name, never a path (specification, "Artifact Name
/// Safety"): not empty, no '/', '\', "..", NUL, no white space around it; beyond the specification
/// not ".", valid UTF-8, no control characters or text direction overrides, at most 255 bytes.
/// kInvalid "invalid_artifact_name" with the reason.
[[nodiscard]] Result<void> validate_artifact_name(std::string_view name);

}  // namespace flashpods::artifacts
