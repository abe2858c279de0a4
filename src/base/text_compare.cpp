#include "base/text.h"

namespace flashpods {

bool equal_in_constant_time(std::string_view secret, std::string_view untrusted) {
  const bool same_size = secret.size() == untrusted.size();
  // With another length the answer is known; the untrusted text is then read against itself.
  const char* const reference = same_size ? secret.data() : untrusted.data();
  volatile unsigned char difference = same_size ? 0 : 1;
  for (std::size_t at = 0; at < untrusted.size(); ++at) {
    difference = static_cast<unsigned char>(difference | (reference[at] ^ untrusted[at]));
  }
  return difference == 0;
}

}  // namespace flashpods
