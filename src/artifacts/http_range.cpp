#include "artifacts/http_range.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>

namespace flashpods::artifacts {
namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Digits only; a number too large to hold is the largest, which is beyond every file.
std::optional<std::uint64_t> parse_position(std::string_view digits) {
  constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (kLargest - digit) / 10 ? kLargest : value * 10 + digit;
  }
  return value;
}

bool strip_unit(std::string_view& header) {
  constexpr std::string_view kUnit = "bytes=";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  if (!std::ranges::equal(header.substr(0, kUnit.size()), kUnit, same)) return false;
  header.remove_prefix(kUnit.size());
  return true;
}

RangeRequest single(std::uint64_t first, std::uint64_t length) {
  return {RangeRequest::Kind::kSingle, first, length};
}

constexpr RangeRequest kUnsatisfiable{.kind = RangeRequest::Kind::kUnsatisfiable};

/// "-N": the last N bytes.
RangeRequest suffix_range(std::uint64_t length, std::uint64_t size) {
  if (length == 0 || size == 0) return kUnsatisfiable;
  length = std::min(length, size);
  return single(size - length, length);
}

std::string content_range(std::string_view range, std::uint64_t size) {
  return "bytes " + std::string{range} + "/" + std::to_string(size);
}

}  // namespace

RangeRequest parse_range(std::string_view header, std::uint64_t size) {
  header = trim(header);
  if (!strip_unit(header)) return {};
  header = trim(header);
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first = parse_position(header.substr(0, dash));
  const auto last = parse_position(header.substr(dash + 1));
  if (dash == 0) return last ? suffix_range(*last, size) : RangeRequest{};
  if (!first || (!last && dash + 1 < header.size()) || (last && *last < *first)) return {};
  if (*first >= size) return kUnsatisfiable;
  const auto stop = last ? std::min(*last, size - 1) : size - 1;
  return single(*first, stop - *first + 1);
}

std::string etag_of(std::string_view sha256) { return '"' + std::string{sha256} + '"'; }

bool none_match_hits(std::string_view header, std::string_view etag) {
  if (trim(header) == "*") return true;
  while (!header.empty()) {
    const auto comma = std::min(header.find(','), header.size());
    auto tag = trim(header.substr(0, comma));
    if (tag.starts_with("W/")) tag.remove_prefix(2);  // weak comparison, section 13.1.2
    if (tag == etag) return true;
    header.remove_prefix(std::min(comma + 1, header.size()));
  }
  return false;
}

bool if_range_holds(std::string_view header, std::string_view etag) { return trim(header) == etag; }

DownloadPlan plan_download(const DownloadRequest& request, std::string_view etag,
                           std::uint64_t size) {
  if (!request.if_none_match.empty() && none_match_hits(request.if_none_match, etag)) {
    return {.status = 304};
  }
  const auto ranged = request.if_range.empty() || if_range_holds(request.if_range, etag);
  const auto range = ranged ? parse_range(request.range, size) : RangeRequest{};
  switch (range.kind) {
    case RangeRequest::Kind::kWhole:
      return {.status = 200, .length = size};
    case RangeRequest::Kind::kUnsatisfiable:
      return {.status = 416, .content_range = content_range("*", size)};
    case RangeRequest::Kind::kSingle:
      break;
  }
  const auto last = range.first + range.length - 1;
  return {.status = 206,
          .first = range.first,
          .length = range.length,
          .content_range =
              content_range(std::to_string(range.first) + "-" + std::to_string(last), size)};
}

}  // namespace flashpods::artifacts
