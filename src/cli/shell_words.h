#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flashpods::cli {

/// One word for a POSIX shell: as it is if nothing in it is special, else in single quotes.
[[nodiscard]] std::string quote_word(std::string_view word);

/// What `-- WORDS…` means as a shell command: one word is a command line of its own
/// ("make && ./a.out"); several are exactly these words, quoted where needed.
[[nodiscard]] std::string to_command_line(const std::vector<std::string>& words);

/// Lines of `export NAME=value`, for `. FILE` in a POSIX shell.
[[nodiscard]] std::string to_exports(const std::map<std::string, std::string>& variables);

}  // namespace flashpods::cli
