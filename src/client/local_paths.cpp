#include "client/local_paths.h"

#include <algorithm>
#include <optional>
#include <unistd.h>

#include "base/text.h"
#include "client/obeyed_names.h"

namespace flashpods::client {

namespace fs = std::filesystem;

namespace {

/// True if `path` is `directory` or inside it; both absolute and normal.
bool is_inside(const fs::path& path, const fs::path& directory) {
  const auto [rest, end] =
      std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return rest == directory.end();
}

std::optional<fs::path> real_path(const fs::path& path) {
  std::error_code error;
  auto resolved = fs::canonical(path, error);
  return error ? std::nullopt : std::optional{std::move(resolved)};
}

fs::path made_absolute(const PathRules& rules, std::string_view path) {
  if (path == "~") return rules.home;
  if (path.starts_with("~/")) return rules.home / path.substr(2);
  return rules.start / path;  // an absolute right side replaces the left
}

std::string quoted(const fs::path& path) { return "'" + to_one_line(path.string()) + "'"; }

std::string list_roots(const PathRules& rules) {
  std::string text;
  for (const auto& root : rules.roots) text += (text.empty() ? "" : ", ") + quoted(root);
  return text.empty() ? "none" : text;
}

Result<void> reject_control_bytes(std::string_view path) {
  if (path.find('\0') == std::string_view::npos) return {};
  return fail(ErrorKind::kInvalid, "invalid_path", "a path cannot hold a NUL byte");
}

Error not_allowed(const fs::path& path, const std::string& why) {
  return {ErrorKind::kForbidden, "path_not_allowed", quoted(path) + " " + why};
}

/// The longest existing prefix resolved, the names after it appended. A name that exists as a
/// dangling link is "existing" for nobody and is refused when it is opened without following.
std::optional<fs::path> resolve_nearest(const fs::path& path) {
  auto existing = path.lexically_normal();
  fs::path missing;
  while (true) {
    if (auto resolved = real_path(existing))
      return missing.empty() ? *resolved : *resolved / missing;
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(existing, error))) return std::nullopt;
    if (!existing.has_relative_path()) return std::nullopt;
    missing = missing.empty() ? existing.filename() : existing.filename() / missing;
    existing = existing.parent_path();
  }
}

fs::path requested_target(const PathRules& rules, std::string_view save_to, std::string_view job_id,
                          std::string_view name) {
  if (save_to.empty()) return rules.start / ".flashpods" / job_id / name;
  auto path = made_absolute(rules, save_to);
  std::error_code error;
  if (save_to.ends_with('/') || fs::is_directory(path, error)) path /= name;
  return path;
}

/// The server refuses such names too; a client does not rely on it.
bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view{"/\\\0", 3}) == std::string_view::npos;
}

/// A root is the user's word, whatever it is called; the names below it are not.
bool is_obeyed_below(const fs::path& target, const fs::path& root) {
  const auto directories = target.lexically_relative(root).parent_path();
  return is_obeyed_file(target.filename().string()) ||
         std::any_of(directories.begin(), directories.end(),
                     [](const fs::path& name) { return is_obeyed_directory(name.string()); });
}

Result<void> reject_obeyed(const PathRules& rules, const fs::path& target) {
  const auto plain = [&](const fs::path& root) {
    return is_inside(target, root) && !is_obeyed_below(target, root);
  };
  if (std::ranges::any_of(rules.roots, plain)) return {};
  return std::unexpected(
      not_allowed(target,
                  "has a name that programs obey without being asked (a leading dot, "
                  "CLAUDE.md, AGENTS.md, HEAD, …); save under another name with save_to, "
                  "and let the user move the file"));
}

}  // namespace

PathRules make_path_rules(std::vector<fs::path> roots, fs::path start, fs::path home) {
  PathRules rules;
  for (const auto& root : roots) {
    auto resolved = real_path(root);
    if (resolved && std::ranges::find(rules.roots, *resolved) == rules.roots.end()) {
      rules.roots.push_back(std::move(*resolved));
    }
  }
  rules.start = std::move(start);
  rules.home = real_path(home).value_or(home);
  return rules;
}

Result<void> check_allowed(const PathRules& rules, const fs::path& resolved) {
  if (resolved == resolved.root_path()) {
    return std::unexpected(not_allowed(resolved, "is the whole machine; name a project directory"));
  }
  if (is_inside(rules.home, resolved)) {
    return std::unexpected(
        not_allowed(resolved, "holds your whole home directory; name a project directory in it"));
  }
  if (is_inside(resolved, rules.home)) {
    const auto first = (*resolved.lexically_relative(rules.home).begin()).string();
    if (first.starts_with('.')) {
      return std::unexpected(
          not_allowed(resolved, "is in a dot-directory of your home, where programs keep secrets"));
    }
  }
  const auto holds = [&](const fs::path& root) { return is_inside(resolved, root); };
  if (std::ranges::any_of(rules.roots, holds)) return {};
  return std::unexpected(
      not_allowed(resolved, "is outside the directories this client may use (" + list_roots(rules) +
                                "); work inside them, or have the user add it to allowed_paths in "
                                "~/.config/flashpods/config.toml"));
}

Result<fs::path> resolve_source(const PathRules& rules, std::string_view path) {
  if (auto checked = reject_control_bytes(path); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const auto wanted = made_absolute(rules, path);
  const auto resolved = real_path(wanted);
  if (!resolved || path.empty()) {
    return fail(
        ErrorKind::kNotFound, "path_not_found",
        "there is no directory " + quoted(wanted) + "; local_path is a directory on this machine");
  }
  if (auto allowed = check_allowed(rules, *resolved); !allowed) {
    return std::unexpected(std::move(allowed.error()));
  }
  std::error_code error;
  if (!fs::is_directory(*resolved, error)) {
    return fail(ErrorKind::kInvalid, "not_a_directory",
                quoted(*resolved) + " is not a directory; name the directory that holds it");
  }
  if (::access(resolved->c_str(), R_OK | X_OK) != 0) {
    return fail(ErrorKind::kForbidden, "unreadable",
                quoted(*resolved) + " cannot be read by this user; change its permissions");
  }
  return *resolved;
}

Result<fs::path> resolve_target(const PathRules& rules, std::string_view save_to,
                                std::string_view job_id, std::string_view name) {
  if (!is_file_name(name) || !is_file_name(job_id)) {
    return fail(ErrorKind::kInvalid, "invalid_artifact_name",
                "'" + to_one_line(name) + "' is no artifact's name; see get_job_artifacts");
  }
  if (auto checked = reject_control_bytes(save_to); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const auto wanted = requested_target(rules, save_to, job_id, name);
  if (!is_file_name(wanted.filename().string())) {
    return fail(ErrorKind::kInvalid, "invalid_path", quoted(wanted) + " names no file");
  }
  const auto parent = resolve_nearest(wanted.parent_path());
  if (!parent) {
    return std::unexpected(not_allowed(wanted, "leads through a broken link"));
  }
  const auto target = *parent / wanted.filename();
  if (auto allowed = check_allowed(rules, target); !allowed) {
    return std::unexpected(std::move(allowed.error()));
  }
  if (auto plain = reject_obeyed(rules, target); !plain) {
    return std::unexpected(std::move(plain.error()));
  }
  return target;
}

}  // namespace flashpods::client
