#include "cli/own_executable.h"

#include <filesystem>
#include <unistd.h>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

#include "process/find_program.h"

namespace flashpods::cli {

std::string own_executable() {
  std::error_code error;
#if defined(__APPLE__)
  char buffer[4096];
  std::uint32_t size = sizeof buffer;
  if (::_NSGetExecutablePath(buffer, &size) != 0) return {};
  return std::filesystem::canonical(buffer, error).string();
#else
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
#endif
}

Result<std::string> find_beside(const std::string& executable, const std::string& name,
                                std::string_view search_path) {
  const auto directory = std::filesystem::path{executable}.parent_path();
  const auto beside = (directory / name).string();
  if (!executable.empty() && ::access(beside.c_str(), X_OK) == 0) return beside;
  if (auto found = find_program(name, search_path)) return found;
  return fail(ErrorKind::kNotFound, "program_not_found",
              name + " is neither in " + directory.string() +
                  " nor in PATH; install it, or build it with ./dev build");
}

}  // namespace flashpods::cli
