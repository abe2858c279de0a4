#include "executors/shim/conmon_exit.h"

#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/files.h"
#include "executors/shim/job_files.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kMostDigits = 16;

Time modification_time(const struct stat& status) {
  return Time{Seconds(status.st_mtim.tv_sec) + Milliseconds(status.st_mtim.tv_nsec / 1'000'000)};
}

}  // namespace

std::optional<ConmonExit> read_conmon_exit(const std::filesystem::path& directory) {
  const Fd file(::open((directory / kExitCodeLink).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const auto text = read_all(file.get(), kMostDigits);
  if (!text) return std::nullopt;
  int code = -1;
  const auto* const end = text->data() + text->size();
  if (std::from_chars(text->data(), end, code).ec != std::errc{}) return std::nullopt;
  if (code < 0) return std::nullopt;
  return ConmonExit{code, modification_time(status)};
}

}  // namespace flashpods::shim
