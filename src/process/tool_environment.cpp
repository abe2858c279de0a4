#include <cstdlib>

#include "process/command_runner.h"

namespace flashpods {

std::map<std::string, std::string> tool_environment() {
  std::map<std::string, std::string> result;
  for (const char* name :
       {"PATH", "HOME", "XDG_RUNTIME_DIR", "LANG", "TMPDIR", "USER", "DBUS_SESSION_BUS_ADDRESS"}) {
    if (const char* value = std::getenv(name)) result.emplace(name, value);
  }
  return result;
}

}  // namespace flashpods
