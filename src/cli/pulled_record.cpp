#include "cli/pulled_record.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"

namespace flashpods::cli {
namespace {

constexpr std::size_t kLargestFile = std::size_t{16} * 1024 * 1024;

std::set<std::string> strings_of(const nlohmann::json& list) {
  std::set<std::string> names;
  if (!list.is_array()) return names;
  for (const auto& name : list) {
    if (name.is_string()) names.insert(name.get<std::string>());
  }
  return names;
}

}  // namespace

PulledRecord PulledRecord::load(const std::filesystem::path& file) {
  PulledRecord record;
  const auto text = read_file(file, kLargestFile);
  const auto stored = text ? parse_json(*text) : std::unexpected(text.error());
  if (!stored || !stored->is_object()) return record;
  for (const auto& [instance, jobs] : stored->items()) {
    if (!jobs.is_object()) continue;
    for (const auto& [job, names] : jobs.items())
      record.jobs_of_[instance][job] = strings_of(names);
  }
  return record;
}

Result<void> PulledRecord::save(const std::filesystem::path& file) const {
  if (auto made = make_directories(file.parent_path()); !made) return made;
  return write_file_durably(file, dump_json(nlohmann::json(jobs_of_)));
}

bool PulledRecord::has(const std::string& instance, const std::string& job,
                       const std::string& artifact) const {
  const auto jobs = jobs_of_.find(instance);
  if (jobs == jobs_of_.end()) return false;
  const auto names = jobs->second.find(job);
  return names != jobs->second.end() && names->second.contains(artifact);
}

void PulledRecord::add(const std::string& instance, const std::string& job,
                       const std::string& artifact) {
  jobs_of_[instance][job].insert(artifact);
}

void PulledRecord::keep_only(const std::string& instance, const std::set<std::string>& jobs) {
  std::erase_if(jobs_of_[instance], [&](const auto& entry) { return !jobs.contains(entry.first); });
}

}  // namespace flashpods::cli
