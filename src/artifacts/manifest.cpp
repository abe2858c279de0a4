#include "artifacts/manifest.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"

namespace flashpods::artifacts {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxManifestBytes = std::size_t{64} * 1024 * 1024;

json to_json(const Collected& collected) {
  json artifacts = json::array();
  for (const auto& artifact : collected.artifacts) {
    artifacts.push_back({{"name", artifact.name},
                         {"size_bytes", artifact.size_bytes},
                         {"sha256", artifact.sha256}});
  }
  json rejected = json::array();
  for (const auto& [name, reason] : collected.rejected) {
    rejected.push_back({{"name", name}, {"reason", reason}});
  }
  json conflict = nullptr;
  if (collected.conflict) conflict = *collected.conflict;
  return {{"artifacts", artifacts}, {"rejected", rejected}, {"conflict", conflict}};
}

Collected from_json(const json& value) {
  Collected collected;
  for (const auto& item : value.at("artifacts")) {
    collected.artifacts.push_back({item.at("name").get<std::string>(),
                                   item.at("size_bytes").get<std::uint64_t>(),
                                   item.at("sha256").get<std::string>()});
  }
  for (const auto& item : value.at("rejected")) {
    collected.rejected.push_back(
        {item.at("name").get<std::string>(), item.at("reason").get<std::string>()});
  }
  const auto& conflict = value.at("conflict");
  if (!conflict.is_null()) collected.conflict = conflict.get<std::string>();
  return collected;
}

}  // namespace

std::filesystem::path manifest_path(const std::filesystem::path& source) {
  auto file = source.has_filename() ? source : source.parent_path();
  file += ".manifest.json";
  return file;
}

std::optional<Collected> read_manifest(const std::filesystem::path& file) {
  const auto text = read_file(file, kMaxManifestBytes);
  if (!text) return std::nullopt;
  const auto value = parse_json(*text);
  if (!value) return std::nullopt;
  try {
    return from_json(*value);
  } catch (const json::exception&) {  // a member is missing or of another type: none of ours
    return std::nullopt;
  }
}

Result<void> write_manifest(const std::filesystem::path& file, const Collected& collected) {
  return write_file_durably(file, dump_json(to_json(collected)));
}

}  // namespace flashpods::artifacts
