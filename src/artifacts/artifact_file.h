#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods::artifacts {

/// Opens an artifact for sending. `directory` is the job's (artifacts/JOB), `name` comes from
/// outside: it is validated and opened strictly beneath. kNotFound "artifact_not_found" if there is
/// no such regular file.
[[nodiscard]] Result<Fd> open_artifact(const std::filesystem::path& directory,
                                       std::string_view name);

}  // namespace flashpods::artifacts
