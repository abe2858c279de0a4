#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulation/faults.h"

namespace flashpods::simulation {

struct Run {
  std::uint64_t seed = 0;
  Bug bug = Bug::kNone;
  bool print = false;  ///< each step
};

struct Outcome {
  std::vector<std::string> violations;
  int steps = 0;
  int kills = 0;
};

/// One history of a host, decided by its seed alone: clients send files and create, watch and stop
/// jobs; daemons die and come back; disks, podman and clocks misbehave. Ends with a long quiet time
/// in which everything must come to its end.
[[nodiscard]] Outcome simulate(const Run& run);

}  // namespace flashpods::simulation
