// /uploads/:id.

#include <nlohmann/json.hpp>

#include "api/services.h"
#include "base/random.h"

namespace flashpods::api {

namespace {

using nlohmann::json;
using uploads::Upload;

json or_null(const std::optional<Time>& time) { return time ? json(to_rfc3339(*time)) : json(); }
json or_null(const std::optional<std::int64_t>& number) { return number ? json(*number) : json(); }

json to_json(const Upload& upload, Time now) {
  return {{"upload_id", upload.id},
          {"state", uploads::to_string(uploads::state_at(upload, now))},
          {"complete", upload.complete},
          {"size_bytes", or_null(upload.size_bytes)},
          {"file_count", or_null(upload.file_count)},
          {"created_at", to_rfc3339(upload.created_at)},
          {"finalized_at", or_null(upload.finalized_at)},
          {"consumed_at", or_null(upload.consumed_at)},
          {"expires_at", or_null(upload.expires_at)},
          {"job_id", upload.job_id ? json(*upload.job_id) : json()}};
}

/// An id of another form names no upload; it is never used as a path.
Result<std::string> upload_id(http::Request& request) {
  std::string& id = request.params["id"];
  if (is_upload_id(id)) return std::move(id);
  return fail(ErrorKind::kNotFound, "upload_not_found",
              "There is no such upload: ids are upload_ and 1 to 64 letters, digits or '-'");
}

}  // namespace

Awaitable<Reply> finalize_upload(Services& services, http::Request request) {
  const auto id = upload_id(request);
  if (!id) co_return std::unexpected(id.error());
  const auto upload = co_await services.uploads.finalize(*id);
  if (!upload) co_return std::unexpected(upload.error());
  co_return json_reply(200, to_json(*upload, services.clock.now()));
}

Awaitable<Reply> get_upload(Services& services, http::Request request) {
  const auto id = upload_id(request);
  if (!id) co_return std::unexpected(id.error());
  const auto upload = co_await services.uploads.get(*id);
  if (!upload) co_return std::unexpected(upload.error());
  co_return json_reply(200, to_json(*upload, services.clock.now()));
}

Awaitable<Reply> delete_upload(Services& services, http::Request request) {
  const auto id = upload_id(request);
  if (!id) co_return std::unexpected(id.error());
  const auto upload = co_await services.uploads.remove(*id);
  if (!upload) co_return std::unexpected(upload.error());
  co_return json_reply(200, to_json(*upload, services.clock.now()));
}

}  // namespace flashpods::api
