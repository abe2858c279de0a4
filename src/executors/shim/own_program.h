#pragma once

#include <string>

#include "base/error.h"

namespace flashpods::shim {

/// The path of this program, for others to start it by. If the program was replaced since this
/// process began, as by an upgrade, the path leads to the new one. An error if there is none.
[[nodiscard]] Result<std::string> own_program();

}  // namespace flashpods::shim
