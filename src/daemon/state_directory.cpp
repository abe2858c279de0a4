#include "daemon/state_directory.h"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>

#include <fmt/format.h>

#include "base/files.h"

namespace flashpods::daemon {

namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kMostSecretText = 4096;

/// A daemon that was just killed may not be gone yet.
constexpr int kLockTries = 40;
constexpr std::chrono::milliseconds kLockPause{50};

/// This process's alone: no child that it is about to start holds it too, as it would with
/// flock(2), and goes on holding it when we are killed. See F_SETLK in fcntl(2).
bool lock_for_this_process(const Fd& file) {
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return ::fcntl(file.get(), F_SETLK, &whole) == 0;
}

Result<Fd> take_lock(const Config& config) {
  const auto run = config.state_dir / "run";
  Fd lock(::open((run / "daemon.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return std::unexpected(errno_error((run / "daemon.lock").string()));
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(kLockPause);
    if (lock_for_this_process(lock)) return lock;
  }
  return fail(ErrorKind::kConflict, "state_directory_in_use",
              fmt::format("another flashpodsd uses {}: stop it (flashpods down), or give this one "
                          "another --state-dir",
                          config.state_dir.string()));
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

Result<void> check_private(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return std::unexpected(errno_error(file.string()));
  if ((status.st_mode & 077) == 0) return {};
  return fail(ErrorKind::kForbidden, "secret_not_private",
              fmt::format("others may read {}: chmod 600 it, and change the secret if they did",
                          file.string()));
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const Config& config) {
  const auto& spool = config.spool;
  for (const auto& directory :
       {config.state_dir, config.state_dir / "run", spool, spool / "uploads", spool / "sealed",
        spool / "jobs", config.artifacts, config.database, config.logs}) {
    if (auto made = make_directories(directory); !made) return std::unexpected(made.error());
  }
  auto lock = take_lock(config);
  if (!lock) return std::unexpected(lock.error());
  return StateDirectory(std::move(*lock));
}

Result<std::string> StateDirectory::secret(const std::filesystem::path& file, Random& random) {
  auto text = read_file(file, kMostSecretText);
  if (text) {
    if (auto checked = check_private(file); !checked) return std::unexpected(checked.error());
    std::string value = trimmed(std::move(*text));
    if (!value.empty()) return value;
    return fail(ErrorKind::kInvalid, "secret_empty",
                fmt::format("{} is empty: delete it to have a new secret made", file.string()));
  }
  if (text.error().kind != ErrorKind::kNotFound) return std::unexpected(text.error());
  const std::string made = random_hex(random, kSecretBytes);
  if (auto kept = write_file_durably(file, made + "\n"); !kept) {
    return std::unexpected(kept.error());
  }
  return made;
}

Result<void> StateDirectory::publish(const std::filesystem::path& run_directory,
                                     const std::string& json) {
  return write_file_durably(run_directory / "endpoints.json", json + "\n");
}

}  // namespace flashpods::daemon
