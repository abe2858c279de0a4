#pragma once

#include <filesystem>
#include <optional>

#include "executors/shim/shim_records.h"

namespace flashpods::shim {

/// That the job shall end, and why: durable before anyone acts on it, so that it outlives the shim.
/// The first request stays.
class StopRequest {
 public:
  StopRequest(std::filesystem::path file, const Clock& clock);

  /// Returns once it is on disk, or an earlier request is. A disk that refuses does not keep the
  /// job alive: the request then holds for this shim only.
  void make(jobs::EndCause cause, std::string message = {});

  [[nodiscard]] const std::optional<StopRecord>& get() const { return record_; }
  [[nodiscard]] bool made() const { return record_.has_value(); }

 private:
  std::filesystem::path file_;
  const Clock& clock_;
  std::optional<StopRecord> record_;
};

}  // namespace flashpods::shim
