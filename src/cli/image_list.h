#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace flashpods::cli {

/// An image a job can name.
struct UsableImage {
  std::string name;  ///< "localhost/flashpods/worker:latest"
  std::string id;
  std::uint64_t bytes = 0;
  std::int64_t created = 0;  ///< seconds since 1970
};

/// From `podman images --format json`: one entry for each name; images without a name, and
/// podman's own, are left out.
[[nodiscard]] std::vector<UsableImage> usable_images(const nlohmann::json& listed);

}  // namespace flashpods::cli
