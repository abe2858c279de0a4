#pragma once
// How to answer GET for a file with a strong ETag: RFC 9110 sections 13 (conditions), 14 (ranges).

#include <cstdint>
#include <string>
#include <string_view>

namespace flashpods::artifacts {

/// What a Range header asks for, given the size. A header that is malformed, of another unit, or of
/// several ranges is ignored, as the RFC allows: the whole.
struct RangeRequest {
  enum class Kind : std::uint8_t { kWhole, kSingle, kUnsatisfiable };
  Kind kind = Kind::kWhole;
  std::uint64_t first = 0;   ///< of kSingle
  std::uint64_t length = 0;  ///< of kSingle, at least 1

  bool operator==(const RangeRequest&) const = default;
};
[[nodiscard]] RangeRequest parse_range(std::string_view header, std::uint64_t size);

/// An entity tag of a digest: the digest in double quotes.
[[nodiscard]] std::string etag_of(std::string_view sha256);

/// If-None-Match: true if it names the tag ("*" names every one); then the reply is 304.
[[nodiscard]] bool none_match_hits(std::string_view header, std::string_view etag);

/// If-Range: true if Range may be honoured. Dates never match, for artifacts have no Last-Modified.
[[nodiscard]] bool if_range_holds(std::string_view header, std::string_view etag);

/// Headers of a request; an absent one is empty.
struct DownloadRequest {
  std::string_view range = {};
  std::string_view if_range = {};
  std::string_view if_none_match = {};
};

struct DownloadPlan {
  int status = 200;  ///< 200, 206, 304 or 416
  std::uint64_t first = 0;
  std::uint64_t length = 0;        ///< bytes to send from `first`
  std::string content_range = {};  ///< of 206 and 416
};
[[nodiscard]] DownloadPlan plan_download(const DownloadRequest& request, std::string_view etag,
                                         std::uint64_t size);

}  // namespace flashpods::artifacts
