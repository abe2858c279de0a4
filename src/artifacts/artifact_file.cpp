#include "artifacts/artifact_file.h"

#include <fcntl.h>
#include <string>
#include <sys/stat.h>

#include "artifacts/name.h"
#include "base/files.h"
#include "base/text.h"

namespace flashpods::artifacts {
namespace {

std::unexpected<Error> not_found(std::string_view name) {
  return fail(ErrorKind::kNotFound, "artifact_not_found",
              "there is no artifact '" + to_one_line(name) + "'");
}

}  // namespace

Result<Fd> open_artifact(const std::filesystem::path& directory, std::string_view name) {
  if (auto valid = validate_artifact_name(name); !valid) return std::unexpected(valid.error());
  const auto parent = open_directory(directory);
  if (!parent) return not_found(name);
  auto file = open_beneath(parent->get(), name, O_RDONLY | O_NOFOLLOW);
  struct stat info{};
  if (!file || ::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) return not_found(name);
  return file;
}

}  // namespace flashpods::artifacts
