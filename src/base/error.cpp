#include "base/error.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace flashpods {

namespace {

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::kInsufficientStorage;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorKind::kUnavailable;
    case ENOENT:
      return ErrorKind::kNotFound;
    default:
      return ErrorKind::kInternal;
  }
}

std::string code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInsufficientStorage:
      return "disk_full";
    case ErrorKind::kUnavailable:
      return "host_busy";
    case ErrorKind::kNotFound:
      return "not_found";
    default:
      return "io_error";
  }
}

}  // namespace

Error errno_error(int error_number, std::string_view what) {
  const ErrorKind kind = kind_of(error_number);
  return {kind, code_of(kind),
          fmt::format("{}: {}", what, std::system_category().message(error_number))};
}

bool is_shortage(const Error& error) {
  return error.code == code_of(error.kind) &&
         (error.kind == ErrorKind::kInsufficientStorage || error.kind == ErrorKind::kUnavailable);
}

Error errno_error(std::string_view what) { return errno_error(errno, what); }

}  // namespace flashpods
