#include "mcp/root_uris.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "mcp/json_rpc.h"

namespace flashpods::mcp {

namespace {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  if (text.contains('\0')) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || parsed.ptr != digits.data() + 2 || value == 0) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

}  // namespace

std::optional<std::filesystem::path> path_of_file_uri(std::string_view uri) {
  constexpr std::string_view kScheme = "file://";
  if (!uri.starts_with(kScheme)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  if (uri.starts_with("localhost/")) uri.remove_prefix(std::string_view{"localhost"}.size());
  if (!uri.starts_with('/')) return std::nullopt;
  const auto path = percent_decoded(uri.substr(0, uri.find_first_of("?#")));
  if (!path) return std::nullopt;
  return std::filesystem::path{*path};
}

std::vector<std::filesystem::path> read_roots(const nlohmann::json& result) {
  std::vector<std::filesystem::path> roots;
  const auto& list = member(result, "roots");
  if (!list.is_array()) return roots;
  for (const auto& root : list) {
    if (auto path = path_of_file_uri(text_member(root, "uri"))) roots.push_back(std::move(*path));
  }
  return roots;
}

}  // namespace flashpods::mcp
