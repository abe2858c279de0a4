#include "cli/image_list.h"

#include <nlohmann/json.hpp>

#include "cli/json_fields.h"

namespace flashpods::cli {
namespace {

bool is_usable(const std::string& name) {
  return !name.empty() && !name.contains("<none>") && !name.contains("/podman-pause:");
}

}  // namespace

std::vector<UsableImage> usable_images(const nlohmann::json& listed) {
  std::vector<UsableImage> images;
  if (!listed.is_array()) return images;
  for (const auto& image : listed) {
    for (const auto& entry : array_at(image, "Names")) {
      const auto name = entry.is_string() ? entry.get<std::string>() : std::string{};
      if (!is_usable(name)) continue;
      images.push_back({name, text_at(image, "Id"),
                        static_cast<std::uint64_t>(integer_at(image, "Size").value_or(0)),
                        integer_at(image, "Created").value_or(0)});
    }
  }
  return images;
}

}  // namespace flashpods::cli
