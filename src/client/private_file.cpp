#include "client/private_file.h"

#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace flashpods::client {

PrivateFile& PrivateFile::operator=(PrivateFile&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

PrivateFile::~PrivateFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<PrivateFile> write_private_file(std::string_view content) {
  const char* directory = std::getenv("TMPDIR");
  std::string path = directory != nullptr && *directory == '/' ? directory : "/tmp";
  path += "/flashpods-XXXXXX";
  const Fd file{::mkstemp(path.data())};
  if (!file) return std::unexpected(errno_error(path));
  PrivateFile owner{path};
  ::fcntl(file.get(), F_SETFD, FD_CLOEXEC);
  auto written = write_all(file.get(), content);
  if (!written) return std::unexpected(std::move(written.error()));
  return owner;
}

}  // namespace flashpods::client
