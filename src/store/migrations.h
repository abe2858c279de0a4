#pragma once

#include <filesystem>

#include "base/error.h"
#include "store/connection.h"

namespace flashpods {

/// Brings the schema to this release's version (PRAGMA user_version). A new database gets
/// schema.sql; an older one is copied to FILE.v<N>.backup first and then changed in one
/// transaction; a newer one is kInternal "database_too_new" and stays untouched.
[[nodiscard]] Result<void> migrate(Connection& connection, const std::filesystem::path& file);

}  // namespace flashpods
