#pragma once

#include <filesystem>

#include "base/error.h"
#include "client/exclude_rules.h"
#include "client/upload_plan.h"

namespace flashpods::client {

/// Walks `directory` as rsync would and fills bytes, files, largest and secrets of `plan`.
/// Blocking. A file that vanishes meanwhile is no error; one that cannot be read is.
[[nodiscard]] Result<void> survey_tree(const std::filesystem::path& directory,
                                       const ExcludeRules& rules, UploadPlan& plan);

}  // namespace flashpods::client
