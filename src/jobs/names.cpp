#include "jobs/names.h"

#include <algorithm>
#include <array>

#include "base/random.h"

namespace flashpods::jobs {

namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_visible_ascii(char c) { return c > ' ' && c < '\x7f'; }

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

/// Each part between slashes: not empty, no leading dot, no ".lock" at its end.
bool has_bad_component(std::string_view branch) {
  for (std::size_t start = 0; start <= branch.size();) {
    const std::size_t end = std::min(branch.find('/', start), branch.size());
    const std::string_view part = branch.substr(start, end - start);
    if (part.empty() || part.front() == '.' || part.ends_with(".lock")) return true;
    start = end + 1;
  }
  return false;
}

constexpr std::array<std::string_view, 6> kReservedPrefixes{
    "FLASHPODS_", "LD_", "PODMAN_", "CONTAINER_", "CONMON_", "_CONTAINERS_"};

}  // namespace

Objection object_to_client_job_id(std::string_view value) {
  if (value.empty() || value.size() > 128) return "must have 1 to 128 characters";
  if (!std::ranges::all_of(value, is_visible_ascii)) return "must be visible ASCII without spaces";
  if (contains(value, "/")) return "must not contain '/'";
  if (is_job_id(value)) return "must not have the form of a job id; a UUID is a good choice";
  return std::nullopt;
}

Objection object_to_branch(std::string_view value) {
  if (value.empty() || value.size() > 250) return "must have 1 to 250 bytes";
  if (value.front() == '-') return "must not begin with '-'";
  if (std::ranges::any_of(value, is_control)) return "must not contain control characters";
  if (value.find_first_of(" ~^:?*[\\") != std::string_view::npos) {
    return "must not contain a space or any of ~ ^ : ? * [ \\";
  }
  if (contains(value, "..") || contains(value, "@{") || value == "@" || value == "HEAD") {
    return "must not contain '..' or '@{', nor be '@' or 'HEAD'";
  }
  if (value.back() == '.' || has_bad_component(value)) {
    return "must not have a part between slashes that is empty, begins with '.' or ends in "
           "'.lock', "
           "nor end in '.'";
  }
  return std::nullopt;
}

Objection object_to_env_name(std::string_view value) {
  if (value.empty() || value.size() > 128) return "must have 1 to 128 characters";
  const bool spelled =
      std::ranges::all_of(value, [](char c) { return is_letter_or_digit(c) || c == '_'; });
  if (!spelled || (value.front() >= '0' && value.front() <= '9')) {
    return "must be letters, digits and '_', not beginning with a digit";
  }
  const bool reserved = std::ranges::any_of(
      kReservedPrefixes, [value](std::string_view prefix) { return value.starts_with(prefix); });
  if (reserved || value == "CONTAINERS_CONF" || value == "NOTIFY_SOCKET") {
    return "is reserved: names of Flashpods, of the loader and of the container tools cannot be "
           "set";
  }
  return std::nullopt;
}

Objection object_to_label(std::string_view value) {
  if (value.empty() || value.size() > 100) return "must have 1 to 100 bytes";
  if (std::ranges::any_of(value, is_control)) return "must be one line without control characters";
  return std::nullopt;
}

}  // namespace flashpods::jobs
