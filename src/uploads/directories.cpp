#include "uploads/directories.h"

#include "base/files.h"
#include "uploads/move_directory.h"

namespace flashpods::uploads {

Paths Paths::below(const std::filesystem::path& state_directory) {
  return {state_directory / "uploads", state_directory / "sealed", state_directory / "transfers"};
}

Result<void> Directories::create() const {
  for (const auto& path : {paths_.uploads, paths_.sealed, paths_.transfers}) {
    if (auto made = make_directories(path); !made) return made;
  }
  return {};
}

std::filesystem::path Directories::upload(std::string_view id) const { return paths_.uploads / id; }

std::filesystem::path Directories::sealed(std::string_view id) const { return paths_.sealed / id; }

Result<void> Directories::claim(std::string_view id, const std::filesystem::path& module) const {
  if (is_real_directory(upload(id))) return move_directory(upload(id), module / id);
  return make_directories(module / id);
}

Result<void> Directories::give_back(std::string_view id,
                                    const std::filesystem::path& module) const {
  if (!is_real_directory(module / id)) return {};
  return move_directory(module / id, upload(id));
}

Result<void> Directories::seal(std::string_view id) const {
  return move_directory(upload(id), sealed(id));
}

Result<void> Directories::unseal(std::string_view id) const {
  return move_directory(sealed(id), upload(id));
}

Result<void> Directories::move_to_job(std::string_view id,
                                      const std::filesystem::path& destination) const {
  const bool sealed_already = is_real_directory(sealed(id)) || !is_real_directory(upload(id));
  return move_directory(sealed_already ? sealed(id) : upload(id), destination);
}

Result<void> Directories::remove(std::string_view id) const {
  if (auto removed = remove_tree(upload(id)); !removed) return removed;
  return remove_tree(sealed(id));
}

}  // namespace flashpods::uploads
