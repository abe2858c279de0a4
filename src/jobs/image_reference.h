#pragma once
// Names of container images, as people write them, checked before podman sees them.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace flashpods::jobs {

/// `[registry/]path[:tag][@digest]` taken apart (distribution reference grammar).
struct ImageReference {
  std::string registry;  ///< "quay.io", "localhost", "host:5000", in lower case; empty: short name
  std::string path;      ///< "library/debian"
  std::string tag;       ///< empty if none
  std::string digest;    ///< "sha256:…", empty if none
};

/// Checks and takes apart. kInvalid "invalid_image" for anything else than the form above:
/// transports (docker-archive:…), a leading '-', capitals in the path.
[[nodiscard]] Result<ImageReference> parse_image_reference(std::string_view text);

/// A host's name in the spelling that `registry` has: names are the same in any case (RFC 4343).
[[nodiscard]] std::string lower_case(std::string_view host);

/// Whether its registry is one that only a private network knows: an address in any spelling (the
/// last label begins with a digit: 127.1, 0x7f.1), "localhost:PORT", a name without a dot or under
/// a private top-level domain. The host pulls images, so a job that names one makes the host
/// connect to it. A public name that resolves to a private address is refused later, when the image
/// is pulled (executors/shim/guarded_pull.h).
[[nodiscard]] bool has_private_registry(const ImageReference& reference);

/// The reference as text again, with its registry.
[[nodiscard]] std::string to_string(const ImageReference& reference);

/// The one name under which a short name is looked for and pulled: docker.io/library/NAME or
/// docker.io/USER/NAME; a name with a registry stays as it is.
[[nodiscard]] ImageReference qualified(ImageReference reference);

/// False for images of this machine only (localhost/…), which no registry has.
[[nodiscard]] bool can_be_pulled(const ImageReference& reference);

}  // namespace flashpods::jobs
