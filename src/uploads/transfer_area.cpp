#include "uploads/transfer_area.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "base/files.h"
#include "base/random.h"

namespace flashpods::uploads {

namespace {

constexpr const char* kLock = "lock";
constexpr const char* kLog = "log";
constexpr const char* kModule = "module";
constexpr const char* kProcess = "pid";

bool same_file(const std::filesystem::path& one, const std::filesystem::path& other) {
  struct stat a{};
  struct stat b{};
  return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

bool is_locked(const std::filesystem::path& file) {
  const Fd lock(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::vector<std::string> upload_ids(const std::filesystem::path& module) {
  auto names = list_directory(module).value_or(std::vector<std::string>{});
  std::erase_if(names, [](const std::string& name) { return !is_upload_id(name); });
  return names;
}

}  // namespace

Result<TransferSlot> TransferArea::open(const std::string& name) const {
  TransferSlot slot{name, directory_ / name, module(name), {}};
  if (auto made = make_directories(receiving(name)); !made) return std::unexpected(made.error());
  const auto file = slot.directory / kLock;
  slot.lock = Fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!slot.lock || ::flock(slot.lock.get(), LOCK_SH | LOCK_NB) != 0) {
    return std::unexpected(errno_error("cannot lock a transfer's directory"));
  }
  return slot;
}

std::filesystem::path TransferArea::module(std::string_view name) const {
  return directory_ / name / kModule;
}

std::filesystem::path TransferArea::receiving(std::string_view name) const {
  return module(name) / kReceiving;
}

std::filesystem::path TransferArea::log(std::string_view name) const {
  return directory_ / name / kLog;
}

bool TransferArea::is_live(std::string_view name) const {
  return is_locked(directory_ / name / kLock);
}

Result<void> TransferArea::write_process(std::string_view name, pid_t process) const {
  const auto file = directory_ / name / kProcess;
  const Fd pid(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!pid) return std::unexpected(errno_error("cannot note a transfer's process"));
  return write_all(pid.get(), std::to_string(process));
}

/// A number alone may be another process's by now; one that has the lock open is the one.
pid_t TransferArea::process_of(std::string_view name) const {
  const auto slot = directory_ / name;
  const auto text = read_file(slot / kProcess, 32).value_or("");
  pid_t process = 0;
  std::from_chars(text.data(), text.data() + text.size(), process);
  if (process <= 0) return 0;
  const auto lock = fmt::format("/proc/{}/fd/{}", process, kLockDescriptor);
  return same_file(lock, slot / kLock) ? process : 0;
}

FoundTransfer TransferArea::look_at(const std::string& name) const {
  return {name, is_live(name), process_of(name), upload_ids(module(name))};
}

Result<void> TransferArea::remove(std::string_view name) const {
  return remove_tree(directory_ / name);
}

Result<std::vector<FoundTransfer>> TransferArea::list() const {
  auto names = list_directory(directory_);
  if (!names) return std::unexpected(names.error());
  std::vector<FoundTransfer> found;
  for (const auto& name : *names) found.push_back(look_at(name));
  return found;
}

}  // namespace flashpods::uploads
