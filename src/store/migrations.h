#pragma once

#include <filesystem>
#include <span>

#include "base/error.h"
#include "store/connection.h"

namespace flashpods {

/// SQL scripts: the i-th leads from version i + 1 to version i + 2.
using MigrationSteps = std::span<const char* const>;

/// Those of all releases.
[[nodiscard]] MigrationSteps released_steps();

/// Brings the schema to this release's version (PRAGMA user_version). A new database gets
/// schema.sql; an older one is copied to FILE.v<N>.backup first and then changed in one
/// transaction; a newer one is kInternal "database_too_new", a damaged one "database_damaged", and
/// both stay untouched.
[[nodiscard]] Result<void> migrate(Connection& connection, const std::filesystem::path& file,
                                   MigrationSteps steps = released_steps());

}  // namespace flashpods
