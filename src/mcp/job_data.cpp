#include "mcp/job_data.h"

#include "base/text.h"

namespace flashpods::mcp {

namespace {

constexpr std::size_t kNonceBytes = 8;
constexpr std::size_t kLongestName = 4096;

}  // namespace

std::string fenced(Random& random, std::string_view title, std::string_view content,
                   std::string_view notice) {
  const auto nonce = random_hex(random, kNonceBytes);
  std::string text =
      "[" + std::string{title} + " begins " + nonce + ": " + std::string{notice} + "]\n";
  text += content;
  if (!text.ends_with('\n')) text += '\n';
  return text + "[" + std::string{title} + " ends " + nonce + "]";
}

std::string shown_name(std::string_view name) { return to_one_line(name, kLongestName); }

}  // namespace flashpods::mcp
