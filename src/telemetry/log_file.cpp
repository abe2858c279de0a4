#include "telemetry/log_file.h"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace flashpods {

namespace {

Fd open_to_append(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
}

bool same_file(int one, int other) {
  struct stat a{};
  struct stat b{};
  return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

}  // namespace

Result<LogFile> LogFile::open(std::filesystem::path path, std::uint64_t max_bytes) {
  Fd file = open_to_append(path);
  if (!file) return std::unexpected(errno_error("cannot open the log file " + path.string()));
  return LogFile(std::move(path), max_bytes, std::move(file));
}

std::uint64_t LogFile::size() const {
  struct stat info{};
  return ::fstat(file_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

void LogFile::write(std::string_view line) {
  const std::uint64_t before = size();
  if (before > 0 && before + line.size() > max_bytes_) rotate();
  [[maybe_unused]] const ssize_t written = ::write(file_.get(), line.data(), line.size());
}

/// Where there is no room for a second file, the first one begins anew.
void LogFile::rotate() {
  const std::filesystem::path old = path_.native() + ".1";
  Fd fresh;
  if (::rename(path_.c_str(), old.c_str()) == 0) fresh = open_to_append(path_);
  if (!fresh) {
    [[maybe_unused]] const int emptied = ::ftruncate(file_.get(), 0);
    return;
  }
  for (const int standard : {STDOUT_FILENO, STDERR_FILENO}) {
    if (same_file(standard, file_.get())) ::dup2(fresh.get(), standard);
  }
  file_ = std::move(fresh);
}

}  // namespace flashpods
