// Whole files: reading with a limit, writing through short writes, replacing durably.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"

namespace flashpods {

namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;

std::unexpected<Error> too_large(std::size_t limit) {
  return fail(ErrorKind::kTooLarge, "file_too_large",
              fmt::format("the file is larger than {}", to_human_size(limit)));
}

std::unexpected<Error> errno_failure(std::string_view what, const std::filesystem::path& path) {
  const int error_number = errno;
  return std::unexpected(
      errno_error(error_number, fmt::format("cannot {} {}", what, to_one_line(path.native()))));
}

Result<void> write_and_sync(int fd, std::string_view data, mode_t mode) {
  if (::fchmod(fd, mode) != 0) return std::unexpected(errno_error("cannot set the mode of a file"));
  if (auto written = write_all(fd, data); !written) return written;
  if (::fsync(fd) != 0) return std::unexpected(errno_error("cannot flush a file to disk"));
  return {};
}

}  // namespace

Result<std::string> read_all(int fd, std::size_t limit) {
  std::string content;
  std::vector<char> chunk(kChunk);
  while (true) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error("cannot read a file"));
    if (got == 0) return content;
    if (static_cast<std::size_t>(got) > limit - content.size()) return too_large(limit);
    content.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return errno_failure("open", path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return errno_failure("read", path);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::kInvalid, "not_a_file",
                fmt::format("{} is not a regular file", to_one_line(path.native())));
  }
  return read_all(file.get(), limit);
}

Result<Fd> open_fifo(const std::filesystem::path& path) {
  if (::mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) return errno_failure("make", path);
  constexpr int kFlags = O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
  Fd fifo(::open(path.c_str(), kFlags));
  if (!fifo && errno == EACCES && ::chmod(path.c_str(), 0600) == 0) {
    fifo.reset(::open(path.c_str(), kFlags));
  }
  if (!fifo) return errno_failure("open", path);
  return fifo;
}

Result<void> write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(errno_error("cannot write"));
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_file_durably(const std::filesystem::path& path, std::string_view data,
                                mode_t mode) {
  std::string temporary = (path.parent_path() / ".new-XXXXXX").native();
  const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return errno_failure("create a file beside", path);
  auto done = write_and_sync(file.get(), data, mode);
  if (done) done = rename_durably(temporary, path);
  // After a rename the name is gone already, and this finds nothing.
  if (!done) ::unlink(temporary.c_str());
  return done;
}

}  // namespace flashpods
