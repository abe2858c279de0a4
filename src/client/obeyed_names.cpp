#include "client/obeyed_names.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/utf8.h"

namespace flashpods::client {

namespace {

constexpr std::string_view kOurs = ".flashpods";
constexpr auto kFiles = std::to_array<std::string_view>({
    "agent.md",
    "agents.md",
    "agents.override.md",
    "claude.local.md",
    "claude.md",
    "codex.md",
    "conventions.md",
    "copilot-instructions.md",
    "crush.md",
    "gemini.md",
    "head",
    "lefthook-local.json",
    "lefthook-local.toml",
    "lefthook-local.yaml",
    "lefthook-local.yml",
    "lefthook.json",
    "lefthook.toml",
    "lefthook.yaml",
    "lefthook.yml",
    "mise.local.toml",
    "mise.toml",
    "opencode.json",
    "opencode.jsonc",
    "qwen.md",
    "rust-toolchain",
    "rust-toolchain.toml",
    "skill.md",
    "warp.md",
});

/// HFS+ leaves these out when it compares names (the list is that of git's is_hfs_dotgit()).
bool is_ignored(char32_t c) {
  return (c >= 0x200c && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x206a && c <= 0x206f) || c == 0xfeff;
}

/// The ASCII letter that a case-insensitive file system takes a character for.
char32_t folded(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c - 'A' + 'a';
  if (c == 0x17f) return 's';   // long s
  if (c == 0x212a) return 'k';  // Kelvin sign
  return c;
}

std::string folded(std::string_view name) {
  std::string result;
  while (!name.empty()) {
    const Utf8Step step = decode_utf8(name);
    const char32_t c = folded(step.code);
    // No name that is looked for has a character beyond ASCII: one stands for all of them.
    if (!is_ignored(step.code)) result += c < 0x80 ? static_cast<char>(c) : '?';
    name.remove_prefix(step.length);
  }
  return result;
}

}  // namespace

bool is_obeyed_directory(std::string_view name) {
  const auto plain = folded(name);
  // git~1: what .git is called by its short name on Windows file systems.
  return (plain.starts_with('.') && name != kOurs) || plain == "git~1";
}

bool is_obeyed_file(std::string_view name) {
  return is_obeyed_directory(name) || std::ranges::find(kFiles, folded(name)) != kFiles.end();
}

}  // namespace flashpods::client
