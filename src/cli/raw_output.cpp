#include "cli/raw_output.h"

#include <charconv>

#include "client/reply_error.h"
#include "http/client.h"

namespace flashpods::cli {
namespace {

constexpr const char* kNextOffset = "X-Flashpods-Next-Offset";

std::string target_of(const std::string& job_id, const client::OutputQuery& query) {
  auto target = "/jobs/" + http::encode_segment(job_id) + "/output?raw=1";
  if (query.tail) target += "&tail=" + std::to_string(*query.tail);
  if (query.offset) target += "&offset=" + std::to_string(*query.offset);
  if (query.limit) target += "&limit=" + std::to_string(*query.limit);
  if (!query.stream.empty()) target += "&stream=" + http::encode_segment(query.stream);
  return target;
}

std::optional<std::uint64_t> next_offset(const http::ClientResponse& reply) {
  const auto found = reply.headers.find(kNextOffset);
  if (found == reply.headers.end()) return std::nullopt;
  std::uint64_t value = 0;
  const auto* end = found->second.data() + found->second.size();
  const auto read = std::from_chars(found->second.data(), end, value);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

Awaitable<Result<RawPage>> read_raw_page(const client::Connection& connection, std::string job_id,
                                         client::OutputQuery query) {
  http::ClientRequest request;
  request.target = target_of(job_id, query);
  request.headers["Authorization"] = "Bearer " + connection.token;
  http::Client client{connection.origin};
  auto reply = co_await client.send(std::move(request));
  if (!reply) co_return std::unexpected(client::with_advice(reply.error(), connection.origin));
  if (reply->status != 200) {
    co_return std::unexpected(client::to_error(*reply, connection.origin));
  }
  const auto next = next_offset(*reply);
  if (next) co_return RawPage{std::move(reply->body), *next};
  co_return fail(ErrorKind::kUnavailable, "unexpected_reply",
                 "the server's reply does not say where the log goes on; is it of this version?");
}

Awaitable<Result<void>> read_raw(const client::Connection& connection, std::string job_id,
                                 client::OutputQuery query,
                                 std::function<void(std::string_view)> on_bytes) {
  query.limit = kLargestPage;
  for (;;) {
    auto page = co_await read_raw_page(connection, job_id, query);
    if (!page) co_return std::unexpected(page.error());
    on_bytes(page->bytes);
    if (page->bytes.size() < kLargestPage) co_return Result<void>{};
    query.tail.reset();
    query.offset = page->next_offset;
  }
}

}  // namespace flashpods::cli
