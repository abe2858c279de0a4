#include "http/service.h"

#include <algorithm>
#include <chrono>

#include "http/reply_head.h"

namespace flashpods::http {

namespace {

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

const std::string& Service::date() {
  const Time now = clock.now();
  const auto second = std::chrono::floor<Seconds>(now.time_since_epoch());
  if (second != date_second_) date_ = to_http_date(now);
  date_second_ = second;
  return date_;
}

std::string Service::request_id(std::string_view offered) {
  const bool fit = !offered.empty() && offered.size() <= 64;
  if (fit && std::ranges::all_of(offered, is_id_character)) return std::string(offered);
  return random_hex(random, 8);
}

void Service::fault(std::string_view what, std::string_view id) const {
  if (options.on_fault) options.on_fault(what, id);
}

}  // namespace flashpods::http
