#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/parameters.h"
#include "cli/verb.h"

namespace flashpods::cli {

/// `flashpods --help`: the verbs under their groups, the environment, the exit codes.
[[nodiscard]] std::string overview_help(std::span<const VerbEntry* const> verbs);

/// `flashpods VERB --help`.
[[nodiscard]] std::string verb_help(const VerbEntry& entry,
                                    const std::vector<Parameter>& parameters);

/// `text` in lines of at most `width` columns; every line after the first is indented.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace flashpods::cli
