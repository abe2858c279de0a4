#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/verb.h"

namespace flashpods::cli {

/// A completion script for "bash", "zsh" or "fish": verbs, their options and the options' values.
[[nodiscard]] std::string completion_script(std::string_view shell,
                                            std::span<const VerbEntry* const> verbs);

}  // namespace flashpods::cli
