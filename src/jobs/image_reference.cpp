#include "jobs/image_reference.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>

namespace flashpods::jobs {

namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestTag = 128;
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kHex = "0123456789abcdef";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alphanumeric(char c) { return is_digit(c) || is_letter(c); }

bool only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

/// Lower-case letters and digits, separated inside by one '.', one or two '_', or any '-'.
bool is_component(std::string_view text) {
  const auto outer = [](char c) { return kLower.contains(c); };
  if (text.empty() || !outer(text.front()) || !outer(text.back())) return false;
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(kLower), text.size()));
    const auto separator = text.substr(0, text.find_first_of(kLower));
    if (!separator.empty() && separator != "." && separator != "_" && separator != "__" &&
        !only(separator, "-")) {
      return false;
    }
    text.remove_prefix(separator.size());
  }
  return true;
}

bool is_path(std::string_view text) {
  return !text.empty() && text.back() != '/' &&
         std::ranges::all_of(text | std::views::split('/'), [](auto part) {
           return is_component(std::string_view(part.begin(), part.end()));
         });
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kLongestTag && text.front() != '.' &&
         text.front() != '-' && std::ranges::all_of(text, [](char c) {
           return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
         });
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  return text.starts_with(kAlgorithm) && text.size() == kAlgorithm.size() + 64 &&
         only(text.substr(kAlgorithm.size()), kHex);
}

bool is_host_label(std::string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_host(std::string_view text) {
  return !text.empty() && text.back() != '.' &&
         std::ranges::all_of(text | std::views::split('.'), [](auto part) {
           return is_host_label(std::string_view(part.begin(), part.end()));
         });
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  return parsed.ec == std::errc{} && parsed.ptr == end && text.front() != '0' && port <= 65535;
}

bool is_registry(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return is_host(text);
  return is_host(text.substr(0, colon)) && is_port(text.substr(colon + 1));
}

/// Places podman would take an image from if the name stood before a ':'
/// (containers-transports(5)). "docker" is none of them without "//", and a popular image.
constexpr std::array<std::string_view, 9> kTransports{
    "containers-storage", "dir", "docker-archive", "docker-daemon", "oci",
    "oci-archive",        "sif", "ostree",         "tarball"};

/// Top-level domains that no public registry can have: special-use names (RFC 6761, 6762, 7686,
/// 8375, 9476), "internal" (ICANN, 2024), and those that networks commonly use for themselves.
constexpr std::array<std::string_view, 17> kPrivateDomains{
    "alt",      "arpa",    "corp",    "example", "home",        "internal",
    "intranet", "invalid", "lan",     "local",   "localdomain", "localhost",
    "mail",     "onion",   "private", "test",    "workgroup"};

/// "oci:NAME", and "oci:5000/NAME" as well: podman looks no further than the ':'.
bool is_transport(std::string_view text) {
  const auto name = text.substr(0, text.find(':'));
  return std::ranges::find(kTransports, name) != kTransports.end();
}

/// Podman counts the name under which it asks a registry.
bool is_too_long(const ImageReference& reference) {
  const auto whole = qualified(reference);
  return whole.registry.size() + 1 + whole.path.size() > kLongestName;
}

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_image", std::move(message));
}

bool looks_like_registry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

std::string lower_case(std::string_view host) {
  std::string text(host);
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

Result<ImageReference> parse_image_reference(std::string_view text) {
  constexpr auto kForm = "An image is written as [registry/]name[:tag][@sha256:digest].";
  ImageReference reference;
  constexpr auto kTooLong = "The image name is too long.";
  if (text.size() > kLongestName + kLongestTag + 80) return refuse(kTooLong);
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    reference.digest = text.substr(at + 1);
    if (!is_digest(reference.digest)) return refuse(kForm);
    text = text.substr(0, at);
  }
  const auto slash = text.find('/');
  if (slash != std::string_view::npos && looks_like_registry(text.substr(0, slash))) {
    reference.registry = lower_case(text.substr(0, slash));
    text.remove_prefix(slash + 1);
  }
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    reference.tag = text.substr(colon + 1);
    if (!is_tag(reference.tag)) return refuse(kForm);
    text = text.substr(0, colon);
  }
  reference.path = text;
  if (is_transport(reference.registry.empty() ? text : reference.registry)) return refuse(kForm);
  if (!is_path(text)) return refuse(kForm);
  if (!reference.registry.empty() && !is_registry(reference.registry)) return refuse(kForm);
  if (is_too_long(reference)) return refuse(kTooLong);
  return reference;
}

bool has_private_registry(const ImageReference& reference) {
  const std::string_view registry = reference.registry;
  if (registry.empty() || registry == "localhost") return false;  // images of this machine
  const auto host = registry.substr(0, registry.find(':'));
  const auto dot = host.rfind('.');
  if (dot == std::string_view::npos) return true;
  const auto last = host.substr(dot + 1);
  return is_digit(last.front()) ||
         std::ranges::find(kPrivateDomains, last) != kPrivateDomains.end();
}

std::string to_string(const ImageReference& reference) {
  std::string text = reference.registry;
  if (!text.empty()) text += '/';
  text += reference.path;
  if (!reference.tag.empty()) text += ':' + reference.tag;
  if (!reference.digest.empty()) text += '@' + reference.digest;
  return text;
}

ImageReference qualified(ImageReference reference) {
  if (!reference.registry.empty()) return reference;
  reference.registry = "docker.io";
  if (!reference.path.contains('/')) reference.path = "library/" + reference.path;
  return reference;
}

bool can_be_pulled(const ImageReference& reference) { return reference.registry != "localhost"; }

}  // namespace flashpods::jobs
