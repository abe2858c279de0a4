#include "http/target.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "http/percent.h"

namespace flashpods::http {

namespace {

std::unexpected<Error> bad_target(std::string why) {
  return fail(ErrorKind::kInvalid, "bad_request", "bad request target: " + std::move(why));
}

std::pair<std::string_view, std::string_view> cut(std::string_view text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

/// "http://host/jobs" is "/jobs"; nothing if there is no path to find.
std::optional<std::string_view> strip_authority(std::string_view text) {
  if (text.starts_with('/')) return text;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = text.substr(0, scheme_end);
  if (scheme != "http" && scheme != "https") return std::nullopt;
  const auto path = text.find_first_of("/?", scheme_end + 3);
  return path == std::string_view::npos ? std::string_view("/") : text.substr(path);
}

Result<void> read_path(std::string_view path, Target& target) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.empty()) return {};
  while (true) {
    const auto end = path.find('/');
    auto segment = percent_decode(path.substr(0, end));
    if (!segment) return bad_target("'%' must be followed by two hex digits");
    target.path.push_back(std::move(*segment));
    if (end == std::string_view::npos) return {};
    path.remove_prefix(end + 1);
  }
}

Result<void> read_query(std::string_view query, Target& target) {
  while (!query.empty()) {
    const auto [pair, rest] = cut(query, '&');
    query = rest;
    if (pair.empty()) continue;
    const auto [raw_name, raw_value] = cut(pair, '=');
    auto name = percent_decode(raw_name, true);
    auto value = percent_decode(raw_value, true);
    if (!name || !value) return bad_target("'%' must be followed by two hex digits");
    const auto [at, is_new] = target.query.emplace(std::move(*name), std::move(*value));
    if (!is_new) return bad_target("'" + to_one_line(at->first, 60) + "' is given twice");
  }
  return {};
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  if (text.find('#') != std::string_view::npos) return bad_target("a fragment is not sent");
  const auto local = strip_authority(text);
  if (!local) return bad_target("it must begin with '/'");
  const auto [path, query] = cut(*local, '?');
  Target target;
  if (auto read = read_path(path, target); !read) return std::unexpected(read.error());
  if (auto read = read_query(query, target); !read) return std::unexpected(read.error());
  return target;
}

}  // namespace flashpods::http
