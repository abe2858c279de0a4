#include "uploads/upload.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace flashpods::uploads {

namespace {

constexpr std::array kWords{std::pair{State::kUploading, std::string_view{"uploading"}},
                            std::pair{State::kFinalized, std::string_view{"finalized"}},
                            std::pair{State::kConsumed, std::string_view{"consumed"}},
                            std::pair{State::kExpired, std::string_view{"expired"}}};

std::unexpected<Error> conflict(std::string code, std::string message) {
  return fail(ErrorKind::kConflict, std::move(code), std::move(message));
}

std::unexpected<Error> expired(const Upload& upload) {
  return fail(ErrorKind::kGone, "upload_expired",
              fmt::format("Upload '{}' {}. Upload the files again under a new id.", upload.id,
                          upload.deleted ? "was deleted" : "has expired"));
}

std::unexpected<Error> consumed(const Upload& upload) {
  return conflict("already_consumed",
                  fmt::format("Upload '{}' was consumed by a job. Upload the files again under a "
                              "new id.",
                              upload.id));
}

std::unexpected<Error> in_use(const Upload& upload) {
  return conflict("upload_in_use",
                  fmt::format("Upload '{}' belongs to job '{}' already. Each job needs an upload "
                              "of its own.",
                              upload.id, upload.job_id.value_or("")));
}

std::unexpected<Error> finalized(const Upload& upload) {
  return conflict("already_finalized",
                  fmt::format("Upload '{}' is finalized and cannot change any more.", upload.id));
}

}  // namespace

std::string_view to_string(State state) {
  for (const auto& [value, word] : kWords) {
    if (value == state) return word;
  }
  return "";
}

std::optional<State> parse_state(std::string_view word) {
  for (const auto& [value, text] : kWords) {
    if (text == word) return value;
  }
  return std::nullopt;
}

bool is_due(const Upload& upload, Time now) {
  const bool open = upload.state == State::kUploading || upload.state == State::kFinalized;
  return open && !upload.job_id && upload.expires_at && *upload.expires_at <= now;
}

State state_at(const Upload& upload, Time now) {
  return is_due(upload, now) ? State::kExpired : upload.state;
}

Error not_found(std::string_view id) {
  return {ErrorKind::kNotFound, "upload_not_found",
          fmt::format("There is no upload '{}'. Send the files with rsync first.",
                      to_one_line(id, 80))};
}

Error in_progress(std::string_view id) {
  return {ErrorKind::kConflict, "upload_in_progress",
          fmt::format("Upload '{}' is still receiving files. Wait for rsync to end, then try "
                      "again.",
                      id)};
}

Error incomplete(std::string_view id) {
  return {ErrorKind::kConflict, "upload_incomplete",
          fmt::format("The last transfer to upload '{}' was interrupted or ended with an error, so "
                      "files may be missing. Run rsync to it again until rsync ends without an "
                      "error, then finalize.",
                      id)};
}

Result<void> may_receive(const Upload& upload, std::string_view owner, Time now) {
  if (upload.owner != owner) {
    return fail(ErrorKind::kForbidden, "not_the_owner",
                fmt::format("Upload '{}' was begun by someone else. Use a new id.", upload.id));
  }
  return may_finalize(upload, now);
}

Result<void> may_finalize(const Upload& upload, Time now) {
  switch (state_at(upload, now)) {
    case State::kUploading:
      return {};
    case State::kFinalized:
      return finalized(upload);
    case State::kConsumed:
      return consumed(upload);
    case State::kExpired:
      break;
  }
  return expired(upload);
}

Result<void> may_reserve(const Upload& upload, Time now) {
  switch (state_at(upload, now)) {
    case State::kUploading:
      return conflict("upload_not_finalized",
                      fmt::format("Upload '{}' is not finalized. Call POST /uploads/{}/finalize "
                                  "first.",
                                  upload.id, upload.id));
    case State::kFinalized:
      if (upload.job_id) return in_use(upload);
      return {};
    case State::kConsumed:
      return in_use(upload);
    case State::kExpired:
      break;
  }
  return expired(upload);
}

Result<void> may_delete(const Upload& upload, Time now) {
  switch (state_at(upload, now)) {
    case State::kUploading:
      return {};
    case State::kFinalized:
      if (upload.job_id) return in_use(upload);
      return {};
    case State::kConsumed:
      return consumed(upload);
    case State::kExpired:
      break;
  }
  return expired(upload);
}

}  // namespace flashpods::uploads
