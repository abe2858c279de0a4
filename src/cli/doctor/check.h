#pragma once

#include <string>
#include <vector>

namespace flashpods::cli {

enum class Health { kOk, kWarn, kFail, kUnknown };

/// One prerequisite, as found. `detail` and `fix` may quote what other programs said.
struct Check {
  std::string id;     ///< stable word for --json ("oci_runtime")
  std::string title;  ///< "OCI runtime"
  Health health = Health::kUnknown;
  std::string detail;    ///< what was found
  std::string fix = {};  ///< commands to run; empty if all is well
};

using Checks = std::vector<Check>;

}  // namespace flashpods::cli
