#include "base/random.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <sys/random.h>
#include <vector>

#include <fmt/format.h>

namespace flashpods {

namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kJobPrefix = "job_";
constexpr std::string_view kUploadPrefix = "upload_";
constexpr std::size_t kJobIdLength = 16;

bool is_upload_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) std::abort();  // a kernel without randomness: no id would be safe
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

void SeededRandom::fill(std::span<std::byte> out) {
  std::ranges::generate(out, [this] { return static_cast<std::byte>(engine_() & 0xff); });
}

std::string random_hex(Random& random, std::size_t bytes) {
  std::vector<std::byte> raw(bytes);
  random.fill(raw);
  std::string text;
  text.reserve(bytes * 2);
  for (const std::byte b : raw) {
    text += kHex[std::to_integer<unsigned>(b) >> 4];
    text += kHex[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

std::string make_job_id(Random& random) {
  std::array<std::byte, kJobIdLength> raw{};
  random.fill(raw);
  std::string id{kJobPrefix};
  for (const std::byte b : raw) id += kBase32[std::to_integer<unsigned>(b) & 31];
  return id;
}

std::string make_upload_id(Random& random) {
  return std::string{kUploadPrefix} + random_hex(random, 16);
}

std::string make_uuid(Random& random) {
  std::string hex = random_hex(random, 16);
  hex[12] = '4';
  hex[16] = kHex[8 + (kHex.find(hex[16]) & 3)];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

bool is_job_id(std::string_view text) {
  return text.size() == kJobPrefix.size() + kJobIdLength && text.starts_with(kJobPrefix) &&
         text.find_first_not_of(kBase32, kJobPrefix.size()) == std::string_view::npos;
}

bool is_upload_id(std::string_view text) {
  if (!text.starts_with(kUploadPrefix)) return false;
  const std::string_view name = text.substr(kUploadPrefix.size());
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, is_upload_character);
}

}  // namespace flashpods
