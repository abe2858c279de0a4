#include "client/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/files.h"

namespace flashpods::client {

namespace {

constexpr std::size_t kLimit = 64 * 1024;
constexpr std::string_view kSpace = " \t\r\n";

Result<void> check_private(int fd, const std::string& name) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::unexpected(errno_error(name));
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::kInvalid, "insecure_file", name + " is not a regular file");
  }
  if (status.st_uid != ::geteuid()) {
    return fail(ErrorKind::kInvalid, "insecure_file",
                name + " holds a secret but belongs to another user");
  }
  if ((status.st_mode & 077) != 0) {
    return fail(ErrorKind::kInvalid, "insecure_file",
                name + " holds a secret that others may read; run: chmod 600 '" + name + "'");
  }
  return {};
}

}  // namespace

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(kSpace) - first + 1)};
}

Result<std::string> read_secret_file(const std::filesystem::path& path) {
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!file) return std::unexpected(errno_error(path.string()));
  auto checked = check_private(file.get(), path.string());
  if (!checked) return std::unexpected(std::move(checked.error()));
  return read_all(file.get(), kLimit);
}

Result<std::string> read_secret(const std::filesystem::path& path) {
  auto content = read_secret_file(path);
  if (!content) return content;
  auto secret = trimmed(*content);
  if (secret.empty()) {
    return fail(ErrorKind::kInvalid, "token_missing", path.string() + " is empty");
  }
  return secret;
}

}  // namespace flashpods::client
