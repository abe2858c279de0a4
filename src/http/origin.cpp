#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/asio/ip/address.hpp>

#include "base/text.h"
#include "http/client.h"

namespace flashpods::http {

namespace {

constexpr std::string_view kScheme = "http://";

std::unexpected<Error> invalid(std::string_view text) {
  return fail(ErrorKind::kInvalid, "invalid_url",
              "'" + to_one_line(text, 120) +
                  "' is no server address; write it as http://HOST:PORT, "
                  "for example http://127.0.0.1:8080");
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-';
}

bool is_host(std::string_view host) {
  if (host.find(':') == std::string_view::npos)
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, is_name_character);
  boost::system::error_code error;
  boost::asio::ip::make_address_v6(std::string(host), error);
  return !error && host.find('%') == std::string_view::npos;
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || rest != end || port == 0) return std::nullopt;
  return port;
}

/// Splits "host:1", "[::1]:1" or "host"; the port is left empty where there is none.
std::optional<std::pair<std::string_view, std::string_view>> split(std::string_view authority) {
  const bool bracketed = authority.starts_with('[');
  const auto host_end = authority.find(bracketed ? ']' : ':');
  if (bracketed && host_end == std::string_view::npos) return std::nullopt;
  const auto host = bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  if (bracketed && host.find(':') == std::string_view::npos) return std::nullopt;
  if (host_end == std::string_view::npos) return std::pair{host, std::string_view()};
  auto rest = authority.substr(host_end + (bracketed ? 1 : 0));
  if (rest.empty()) return std::pair{host, rest};
  if (!rest.starts_with(':') || rest.size() == 1) return std::nullopt;
  return std::pair{host, rest.substr(1)};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

}  // namespace

bool Origin::is_loopback() const {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

std::string Origin::to_string() const {
  const bool v6 = host.find(':') != std::string::npos;
  return scheme + "://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Origin> parse_origin(std::string_view text) {
  if (lower(text.substr(0, kScheme.size())) != kScheme) return invalid(text);
  std::string_view authority = text.substr(kScheme.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  const auto parts = split(authority);
  if (!parts || !is_host(parts->first)) return invalid(text);
  const auto port = parts->second.empty() ? std::uint16_t{80} : read_port(parts->second);
  if (!port) return invalid(text);
  return Origin{"http", lower(parts->first), *port};
}

}  // namespace flashpods::http
