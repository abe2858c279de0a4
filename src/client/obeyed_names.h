#pragma once

#include <string_view>

namespace flashpods::client {

/// True for a name that programs look for and obey without being told to, so that saving a job's
/// bytes under it would hand the job this machine: every name with a leading dot (.git, .envrc,
/// .vscode, .mcp.json, .bashrc, …) but our own .flashpods. A list of such names would never be
/// complete. Compared as macOS does: without regard to case and to characters that it ignores.
[[nodiscard]] bool is_obeyed_directory(std::string_view name);

/// The same for a file, and a few names without a dot: instructions to agents (CLAUDE.md,
/// AGENTS.md, …), hooks (lefthook.yml), and HEAD, which makes its directory a git repository whose
/// configuration may name programs.
[[nodiscard]] bool is_obeyed_file(std::string_view name);

}  // namespace flashpods::client
