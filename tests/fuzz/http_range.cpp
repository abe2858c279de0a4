// Range, If-Range and If-None-Match of a download: "SIZE\nRANGE\nIF-RANGE\nIF-NONE-MATCH".

#include "artifacts/http_range.h"

#include <charconv>

#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

FUZZ_TARGET(http_range) {
  const auto number = fuzz::take_line(input);
  std::uint64_t size = 0;
  std::from_chars(number.data(), number.data() + number.size(), size);
  artifacts::DownloadRequest request;
  request.range = fuzz::take_line(input);
  request.if_range = fuzz::take_line(input);
  request.if_none_match = fuzz::take_line(input);
  const auto etag = artifacts::etag_of("0123456789abcdef");
  const auto plan = artifacts::plan_download(request, etag, size);
  switch (plan.status) {
    case 200:
      require(plan.first == 0 && plan.length == size, "200 sends the whole file");
      require(plan.content_range.empty(), "200 has no Content-Range");
      break;
    case 206: {
      require(plan.length > 0 && plan.first < size, "206 sends something");
      require(plan.length <= size - plan.first, "206 stays within the file");
      const auto last = plan.first + plan.length - 1;
      require(plan.content_range == "bytes " + std::to_string(plan.first) + "-" +
                                        std::to_string(last) + "/" + std::to_string(size),
              "Content-Range says what is sent");
      require(request.range.contains('-'), "a part was asked for");
      break;
    }
    case 304:
      require(!request.if_none_match.empty(), "304 answers If-None-Match only");
      break;
    case 416:
      require(plan.length == 0, "416 sends nothing of the file");
      require(plan.content_range == "bytes */" + std::to_string(size), "416 says the size");
      break;
    default:
      require(false, "no other status");
  }
  if (request.range.empty() && request.if_none_match.empty())
    require(plan.status == 200, "who asks for nothing special gets the whole");
}

}  // namespace
}  // namespace flashpods
