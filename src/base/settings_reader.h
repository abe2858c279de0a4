#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/setting.h"

namespace flashpods {

/// Settings::load_text over the declared settings.
[[nodiscard]] Result<void> read_settings(const std::vector<Setting>& settings,
                                         std::string_view toml, std::string_view source);

}  // namespace flashpods
