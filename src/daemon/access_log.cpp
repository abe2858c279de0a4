#include "daemon/access_log.h"

#include <string>

#include "base/text.h"

namespace flashpods::daemon {

namespace {

constexpr std::size_t kMostLoggedMethod = 20;

/// "/jobs/ID", decoded, cut.
std::string shown_path(const http::Request& request) {
  std::string path;
  for (const std::string& segment : request.path) {
    if (path.size() > kMostLoggedPath) break;
    path += '/';
    path.append(segment, 0, kMostLoggedPath);
  }
  return to_one_line(path.empty() ? "/" : path, kMostLoggedPath);
}

}  // namespace

void log_request(Log& log, const api::BearerToken& token, const http::Request& request,
                 Served served) {
  const bool known = token.check(request.header("Authorization")).has_value();
  log.write(LogLevel::kInfo, known ? "request" : "request_without_token",
            {{"method", to_one_line(request.method, kMostLoggedMethod)},
             {"path", shown_path(request)},
             {"status", served.status},
             {"bytes", served.bytes},
             {"ms", served.took.count()},
             {"from", request.peer.address},
             {"request_id", request.request_id}},
            known ? kUsualRate : kStrangersRate);
}

}  // namespace flashpods::daemon
