#include "http/router.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace flashpods::http {

namespace {

using Segments = std::vector<std::string>;

Segments split(std::string_view pattern) {
  Segments segments;
  while (pattern.starts_with('/') && pattern.size() > 1) {
    pattern.remove_prefix(1);
    const auto end = std::min(pattern.find('/'), pattern.size());
    segments.emplace_back(pattern.substr(0, end));
    pattern.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.starts_with(':'); }

bool fits(const Segments& pattern, const Segments& path) {
  const auto same = [](const std::string& wanted, const std::string& given) {
    return is_parameter(wanted) ? !given.empty() : wanted == given;
  };
  return std::ranges::equal(pattern, path, same);
}

bool serves(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET");
}

std::ptrdiff_t parameter_count(const Segments& pattern) {
  return std::ranges::count_if(pattern, is_parameter);
}

void fill_parameters(const Segments& pattern, Request& request) {
  request.params.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (is_parameter(pattern[i])) request.params[pattern[i].substr(1)] = request.path[i];
}

Error not_allowed(const Segments& allowed) {
  std::string list;
  for (const auto& method : allowed) list += (list.empty() ? "" : ", ") + method;
  return Error{ErrorKind::kMethodNotAllowed, "method_not_allowed",
               "this path takes " + list + " only",
               std::make_shared<const nlohmann::json>(nlohmann::json{{"allow", allowed}})};
}

Error not_found() {
  return Error{ErrorKind::kNotFound, "not_found", "no such endpoint: check the path and its ids"};
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) patterns_.push_back(split(route.pattern));
}

Result<const Route*> Router::match(Request& request) const {
  std::optional<std::size_t> best;
  Segments allowed;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!fits(patterns_[i], request.path)) continue;
    if (std::ranges::find(allowed, routes_[i].method) == allowed.end())
      allowed.push_back(routes_[i].method);
    if (!serves(routes_[i], request.method)) continue;
    // A literal segment beats a parameter, wherever the rows stand in the table.
    if (!best || parameter_count(patterns_[i]) < parameter_count(patterns_[*best])) best = i;
  }
  if (!best) return std::unexpected(allowed.empty() ? not_found() : not_allowed(allowed));
  fill_parameters(patterns_[*best], request);
  return &routes_[*best];
}

}  // namespace flashpods::http
