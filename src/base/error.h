#pragma once
// One error type for everything that can go wrong for a reason outside our code.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace flashpods {

/// What sort of failure it is; the HTTP edge turns each into one status (api/error_reply).
enum class ErrorKind : std::uint8_t {
  kInvalid,               ///< 400: the request itself is wrong
  kUnauthorized,          ///< 401
  kForbidden,             ///< 403
  kNotFound,              ///< 404
  kMethodNotAllowed,      ///< 405
  kConflict,              ///< 409
  kGone,                  ///< 410: it existed, and its time is over
  kTooLarge,              ///< 413
  kUnsupportedMediaType,  ///< 415
  kRangeNotSatisfiable,   ///< 416
  kHeaderTooLarge,        ///< 431
  kExhausted,             ///< 429: the host has no room now
  kTimeout,               ///< 408, or a peer that did not answer in time
  kInsufficientStorage,   ///< 507
  kUnavailable,           ///< 503, or a peer that could not be reached
  kInternal,              ///< 500: our bug, or a broken host
};

/// A failure as a person or an agent should read it: `code` is a stable snake_case word for
/// programs, `message` says what happened and what to do about it. `details`, if set, is a JSON
/// object whose members stand beside `error` and `message` in a reply.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code;
  std::string message;
  std::shared_ptr<const nlohmann::json> details = nullptr;
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for the failing branch of a Result.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string code,
                                                 std::string message) {
  return std::unexpected(Error{kind, std::move(code), std::move(message)});
}

/// An Error from errno: "<what>: No such file or directory". ENOSPC and EDQUOT become
/// kInsufficientStorage "disk_full"; EMFILE, ENFILE and ENOMEM kUnavailable "host_busy"; ENOENT
/// kNotFound; everything else kInternal.
[[nodiscard]] Error errno_error(int error_number, std::string_view what);

/// Same, from the calling thread's errno.
[[nodiscard]] Error errno_error(std::string_view what);

/// Whether an errno's Error says that the host lacks something now (room, descriptors, memory): the
/// same may succeed later.
[[nodiscard]] bool is_shortage(const Error& error);

}  // namespace flashpods
