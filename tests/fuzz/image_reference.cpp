// Images as clients name them (POST /jobs) and podman gets them.

#include "jobs/image_reference.h"

#include <algorithm>
#include <strings.h>

#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

void check_same(const jobs::ImageReference& a, const jobs::ImageReference& b) {
  require(a.registry == b.registry && a.path == b.path && a.tag == b.tag && a.digest == b.digest,
          "a reference read again is the same");
}

/// containers-transports(5): TRANSPORT:… is a place of the host's, not an image of a registry.
void check_no_transport(std::string_view text) {
  for (const std::string_view transport :
       {"containers-storage:", "dir:", "docker://",
        "docker-archive:", "docker-daemon:", "oci:", "oci-archive:", "ostree:", "sif:", "tarball:"})
    require(!text.starts_with(transport), "no transport is taken for an image");
}

FUZZ_TARGET(image_reference) {
  const auto reference = jobs::parse_image_reference(input);
  if (!reference) return require(!reference.error().message.empty(), "a refusal says why");
  const auto text = to_string(*reference);
  require(text.size() == input.size() && ::strncasecmp(text.data(), input.data(), text.size()) == 0,
          "what is accepted is printed as it was, but for the case of the registry");
  require(std::ranges::none_of(reference->registry, [](char c) { return c >= 'A' && c <= 'Z'; }),
          "a registry has no capitals");
  require(text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "._-:/@") == std::string::npos,
          "an image holds plain characters only");
  require(text.front() != '-', "an image is never taken for an option");
  check_no_transport(text);
  const auto again = jobs::parse_image_reference(text);
  require(again.has_value(), "a printed reference is accepted");
  check_same(*reference, *again);
  const auto whole = qualified(*reference);
  require(!whole.registry.empty(), "a qualified reference has a registry");
  const auto whole_again = jobs::parse_image_reference(to_string(whole));
  require(whole_again.has_value(), "a qualified reference is accepted");
  check_same(whole, *whole_again);
}

}  // namespace
}  // namespace flashpods
