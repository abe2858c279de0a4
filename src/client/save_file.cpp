#include "client/save_file.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"

namespace flashpods::client {

namespace {

#ifdef O_PATH
constexpr int kSearch = O_PATH;
#else
constexpr int kSearch = O_SEARCH;
#endif
constexpr int kDirectoryFlags = kSearch | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string quoted(const std::filesystem::path& path) {
  return "'" + to_one_line(path.string()) + "'";
}

Result<Fd> enter(int parent, const char* name) {
  Fd entered{::openat(parent, name, kDirectoryFlags)};
  if (!entered && errno == ENOENT) {
    if (::mkdirat(parent, name, 0755) != 0 && errno != EEXIST) {
      return std::unexpected(errno_error(std::string{"cannot make directory "} + name));
    }
    entered = Fd{::openat(parent, name, kDirectoryFlags)};
  }
  if (!entered) return std::unexpected(errno_error(std::string{"cannot enter directory "} + name));
  return entered;
}

/// Every name on the way is opened without following: a link put there since the path was checked
/// is an error, not a way out.
Result<Fd> enter_all(const std::filesystem::path& directory) {
  Fd at{::open("/", kDirectoryFlags)};
  if (!at) return std::unexpected(errno_error("/"));
  for (const auto& name : directory.relative_path()) {
    auto next = enter(at.get(), name.c_str());
    if (!next) return next;
    at = std::move(*next);
  }
  return at;
}

Result<Fd> open_part(int directory, const std::string& name) {
  Fd file{::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                   0600)};
  if (!file) return std::unexpected(errno_error("cannot write " + to_one_line(name)));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(errno_error(name));
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1 || status.st_uid != ::geteuid()) {
    return fail(ErrorKind::kConflict, "file_exists",
                "'" + to_one_line(name) + "' is in the way; remove it");
  }
  return file;
}

Error taken(const std::filesystem::path& path) {
  return {ErrorKind::kConflict, "file_exists",
          quoted(path) + " exists already; save under another name, or ask to overwrite it"};
}

bool exists(int directory, const std::string& name) {
  struct stat status{};
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool is_directory(int directory, const std::string& name) {
  struct stat status{};
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

mode_t default_mode() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return 0644 & ~mask;
}

}  // namespace

PartialFile::PartialFile(Fd directory, Fd file, std::filesystem::path path, std::string part,
                         bool overwrite)
    : directory_(std::move(directory)),
      file_(std::move(file)),
      path_(std::move(path)),
      part_(std::move(part)),
      overwrite_(overwrite) {}

Result<PartialFile> PartialFile::open(const std::filesystem::path& path, std::string_view tag,
                                      bool overwrite) {
  auto directory = enter_all(path.parent_path());
  if (!directory) return std::unexpected(std::move(directory.error()));
  const auto name = path.filename().string();
  if (is_directory(directory->get(), name) || (!overwrite && exists(directory->get(), name))) {
    return std::unexpected(taken(path));
  }
  const auto part = ".flashpods-" + sha256_hex(name + '\0' + std::string{tag}).substr(0, 24);
  auto file = open_part(directory->get(), part);
  if (!file) return std::unexpected(std::move(file.error()));
  const auto size = ::lseek(file->get(), 0, SEEK_END);
  PartialFile partial{std::move(*directory), std::move(*file), path, part, overwrite};
  partial.size_ = static_cast<std::uint64_t>(size);
  return partial;
}

Result<void> PartialFile::append(std::string_view bytes) {
  auto written = write_all(file_.get(), bytes);
  if (written) size_ += bytes.size();
  return written;
}

Result<void> PartialFile::clear() {
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
    return std::unexpected(errno_error(part_));
  }
  size_ = 0;
  return {};
}

Result<std::string> PartialFile::digest() const {
  Sha256 hash;
  std::array<char, 65536> piece{};
  off_t at = 0;
  while (true) {
    const auto got = ::pread(file_.get(), piece.data(), piece.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(part_));
    if (got == 0) return hash.hex_digest();
    hash.update({piece.data(), static_cast<std::size_t>(got)});
    at += got;
  }
}

/// link(2) is the portable rename that replaces nothing; file systems without links get a check.
Result<void> PartialFile::link_new() const {
  const auto name = path_.filename().string();
  if (::linkat(directory_.get(), part_.c_str(), directory_.get(), name.c_str(), 0) == 0) {
    ::unlinkat(directory_.get(), part_.c_str(), 0);
    return {};
  }
  if (errno == EEXIST || exists(directory_.get(), name)) return std::unexpected(taken(path_));
  if (::renameat(directory_.get(), part_.c_str(), directory_.get(), name.c_str()) == 0) return {};
  return std::unexpected(errno_error("cannot save " + quoted(path_)));
}

Result<void> PartialFile::publish() {
  if (::fchmod(file_.get(), default_mode()) != 0) return std::unexpected(errno_error(part_));
  if (!overwrite_) return link_new();
  const auto name = path_.filename().string();
  if (::renameat(directory_.get(), part_.c_str(), directory_.get(), name.c_str()) == 0) return {};
  return std::unexpected(errno_error("cannot save " + quoted(path_)));
}

}  // namespace flashpods::client
