#include "store/migrations.h"

#include <array>

#include <fmt/format.h>

#include "store/schema.h"

namespace flashpods {

namespace {

/// kSteps[i] leads from version i + 1 to i + 2. Empty until the first release is out.
constexpr std::array<const char*, 0> kSteps{};
constexpr std::int64_t kVersion = 1 + std::int64_t{kSteps.size()};

void set_version(Connection& connection, std::int64_t version) {
  connection.execute(fmt::format("PRAGMA user_version = {}", version));
}

void create(Connection& connection) {
  connection.execute("BEGIN IMMEDIATE");
  connection.execute(kSchema);
  set_version(connection, kVersion);
  connection.execute("COMMIT");
}

void upgrade(Connection& connection, std::int64_t from, const std::filesystem::path& file) {
  auto backup = file;
  backup += fmt::format(".v{}.backup", from);
  std::filesystem::remove(backup);
  connection.back_up_to(backup);
  connection.execute("BEGIN IMMEDIATE");
  for (auto step = from; step < kVersion; ++step) {
    connection.execute(*std::next(kSteps.begin(), step - 1));
  }
  set_version(connection, kVersion);
  connection.execute("COMMIT");
}

}  // namespace

Result<void> migrate(Connection& connection, const std::filesystem::path& file) {
  const std::int64_t version = connection.row("PRAGMA user_version")->integer("user_version");
  if (version > kVersion) {
    return fail(ErrorKind::kInternal, "database_too_new",
                fmt::format("{} was written by a newer release (schema {}, this one knows {}): "
                            "install that release again, or restore a backup",
                            file.string(), version, kVersion));
  }
  if (version == 0) {
    create(connection);
  } else if (version < kVersion) {
    upgrade(connection, version, file);
  }
  return {};
}

}  // namespace flashpods
