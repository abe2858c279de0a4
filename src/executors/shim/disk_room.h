#pragma once

#include <string>
#include <vector>

#include "executors/shim/disk_budget.h"

namespace flashpods::shim {

/// Bytes that we may still write to the filesystem of each directory, or as many as its room for
/// files stands for if that is tighter. UINT64_MAX if it cannot be asked: nothing can be filled
/// there.
[[nodiscard]] DiskBudget::Free free_of(const std::vector<std::string>& directories);

}  // namespace flashpods::shim
