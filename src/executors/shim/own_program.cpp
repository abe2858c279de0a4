#include "executors/shim/own_program.h"

#include <filesystem>
#include <string_view>
#include <unistd.h>

namespace flashpods::shim {

Result<std::string> own_program() {
  constexpr std::string_view kDeleted = " (deleted)";  // proc_pid_exe(5)
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  if (::access(path.c_str(), X_OK) == 0) return path;
  return std::unexpected(errno_error("cannot find flashpods-shim at " + path));
}

}  // namespace flashpods::shim
