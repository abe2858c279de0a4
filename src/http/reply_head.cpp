#include "http/reply_head.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

namespace flashpods::http {

namespace {

constexpr std::array<std::pair<int, std::string_view>, 27> kReasons = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {507, "Insufficient Storage"},
}};

constexpr std::array<std::string_view, 5> kOurs = {"Connection", "Content-Length", "Date",
                                                   "Transfer-Encoding", "X-Request-Id"};

std::string_view reason(int status) {
  const auto found = std::ranges::find(kReasons, status, &std::pair<int, std::string_view>::first);
  return found == kReasons.end() ? std::string_view("Status") : found->second;
}

bool is_ours(std::string_view name) {
  const CaseInsensitiveLess less;
  return std::ranges::any_of(
      kOurs, [&](std::string_view ours) { return !less(ours, name) && !less(name, ours); });
}

void add(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) head += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  head += "\r\n";
}

}  // namespace

bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

std::string to_head(int status, const Headers& headers, const ReplyFrame& frame) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head.reserve(512);
  head.append(reason(status)).append("\r\n");
  for (const auto& [name, value] : headers)
    if (!is_ours(name)) add(head, name, value);
  if (!headers.contains("X-Content-Type-Options")) add(head, "X-Content-Type-Options", "nosniff");
  add(head, "Date", frame.date);
  add(head, "X-Request-Id", frame.request_id);
  if (frame.length) add(head, "Content-Length", std::to_string(*frame.length));
  if (frame.chunked) add(head, "Transfer-Encoding", "chunked");
  if (frame.close) add(head, "Connection", "close");
  return head += "\r\n";
}

std::string to_http_date(Time time) {
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<Seconds>(time - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace flashpods::http
