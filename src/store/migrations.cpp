#include "store/migrations.h"

#include <array>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "store/schema.h"

namespace flashpods {

namespace {

constexpr const char* kToVersionTwo = R"sql(
ALTER TABLE jobs ADD COLUMN details TEXT;
ALTER TABLE jobs ADD COLUMN read_only_root INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN complete INTEGER NOT NULL DEFAULT 0;
CREATE TABLE job_texts (
    job_id TEXT PRIMARY KEY REFERENCES jobs(id),
    command TEXT,
    task TEXT,
    context TEXT,
    env TEXT NOT NULL DEFAULT '{}',
    request TEXT NOT NULL DEFAULT '{}'
) STRICT;
INSERT INTO job_texts (job_id, command, task, context, env, request)
    SELECT id, command, task, context, env, request FROM jobs WHERE status <> 'cleaned';
UPDATE jobs SET command = substr(command, 1, 200), task = substr(task, 1, 200),
    context = substr(context, 1, 200);
ALTER TABLE jobs DROP COLUMN env;
ALTER TABLE jobs DROP COLUMN request;
DROP INDEX idx_jobs_holding;
CREATE INDEX idx_jobs_holding ON jobs(released_at, cpus, memory_gb) WHERE released_at IS NULL;
)sql";

constexpr std::array<const char*, 1> kSteps{kToVersionTwo};

std::int64_t version_after(MigrationSteps steps) {
  return 1 + static_cast<std::int64_t>(steps.size());
}

void set_version(Connection& connection, std::int64_t version) {
  connection.execute(fmt::format("PRAGMA user_version = {}", version));
}

void create(Connection& connection) {
  connection.execute("BEGIN IMMEDIATE");
  connection.execute(kSchema);
  set_version(connection, version_after(kSteps));
  connection.execute("COMMIT");
}

/// SQLite itself does not wait until the copy is on the disk (lang_vacuum.html, "VACUUM INTO").
Result<void> back_up(Connection& connection, const std::filesystem::path& copy) {
  std::filesystem::remove(copy);
  connection.back_up_to(copy);
  const Fd file(::open(copy.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) {
    return std::unexpected(errno_error("cannot write the database's backup to disk"));
  }
  return sync_directory(copy.parent_path());
}

Result<void> upgrade(Connection& connection, std::int64_t from, const std::filesystem::path& file,
                     MigrationSteps steps) {
  auto backup = file;
  backup += fmt::format(".v{}.backup", from);
  if (auto backed_up = back_up(connection, backup); !backed_up) return backed_up;
  connection.execute("BEGIN IMMEDIATE");
  for (const char* step : steps.subspan(static_cast<std::size_t>(from - 1))) {
    connection.execute(step);
  }
  set_version(connection, version_after(steps));
  connection.execute("COMMIT");
  return {};
}

/// What goes on with half of its rows would clear away what the others name.
Result<void> check_whole(Connection& connection, const std::filesystem::path& file) {
  const auto found = connection.row("PRAGMA quick_check(1)")->text("quick_check");
  if (found == "ok") return {};
  return fail(ErrorKind::kInternal, "database_damaged",
              fmt::format("the database {} is damaged ({}): restore a backup of it. Or move it "
                          "away to begin anew; what it knew of jobs and uploads is lost then",
                          file.string(), to_one_line(found)));
}

}  // namespace

MigrationSteps released_steps() { return kSteps; }

Result<void> migrate(Connection& connection, const std::filesystem::path& file,
                     MigrationSteps steps) {
  if (auto whole = check_whole(connection, file); !whole) return whole;
  const std::int64_t version = connection.row("PRAGMA user_version")->integer("user_version");
  if (version > version_after(steps)) {
    return fail(ErrorKind::kInternal, "database_too_new",
                fmt::format("{} was written by a newer release (schema {}, this one knows {}): "
                            "install that release again, or restore a backup",
                            file.string(), version, version_after(steps)));
  }
  if (version == 0) create(connection);
  if (version == 0 || version == version_after(steps)) return {};
  return upgrade(connection, version, file, steps);
}

}  // namespace flashpods
