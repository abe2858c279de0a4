#pragma once
// Which results this user has fetched already, in one small file.

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/error.h"

namespace flashpods::cli {

/// Job ids of each server (by its instance) with the artifacts fetched from them. Damage to the
/// file costs a second download, nothing more, so whatever does not read is passed over.
class PulledRecord {
 public:
  /// An absent file is an empty record.
  [[nodiscard]] static PulledRecord load(const std::filesystem::path& file);
  [[nodiscard]] Result<void> save(const std::filesystem::path& file) const;

  [[nodiscard]] bool has(const std::string& instance, const std::string& job,
                         const std::string& artifact) const;
  void add(const std::string& instance, const std::string& job, const std::string& artifact);
  /// Forgets the instance's jobs that the server does not list any more.
  void keep_only(const std::string& instance, const std::set<std::string>& jobs);

 private:
  std::map<std::string, std::map<std::string, std::set<std::string>>> jobs_of_;
};

}  // namespace flashpods::cli
