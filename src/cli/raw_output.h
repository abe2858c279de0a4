#pragma once
// A log's own bytes, page after page.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "async/awaitable.h"
#include "base/error.h"
#include "client/api.h"

namespace flashpods::cli {

/// The most that the server gives at once, and the least that may be asked for.
inline constexpr std::uint64_t kLargestPage = std::uint64_t{1024} * 1024;
inline constexpr std::uint64_t kSmallestPage = 4;

/// Bytes of the log, or of one stream of it, and where the next page begins.
struct RawPage {
  std::string bytes;
  std::uint64_t next_offset = 0;
};

/// GET /jobs/:id/output?raw=1: `query.tail` or `query.offset`, and `query.limit`, as they stand.
Awaitable<Result<RawPage>> read_raw_page(const client::Connection& connection, std::string job_id,
                                         client::OutputQuery query);

/// Every page from what `query` asks for to the log's end as it is now.
Awaitable<Result<void>> read_raw(const client::Connection& connection, std::string job_id,
                                 client::OutputQuery query,
                                 std::function<void(std::string_view)> on_bytes);

}  // namespace flashpods::cli
