#include "process/find_program.h"

#include <sys/stat.h>
#include <unistd.h>

namespace flashpods {

namespace {

bool is_program(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::string> find_program(const std::string& name, std::string_view search_path) {
  if (name.find('/') != std::string::npos) return name;
  while (!name.empty() && !search_path.empty()) {
    const auto end = std::min(search_path.find(':'), search_path.size());
    const std::string path = std::string(search_path.substr(0, end)) + '/' + name;
    if (path.front() == '/' && end > 0 && is_program(path)) return path;
    search_path.remove_prefix(std::min(end + 1, search_path.size()));
  }
  return fail(ErrorKind::kUnavailable, "command_not_found",
              "The program '" + name + "' is not installed or not in PATH.");
}

}  // namespace flashpods
