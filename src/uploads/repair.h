#pragma once

#include <optional>

#include "uploads/upload.h"

namespace flashpods::uploads {

/// What recovery does with a directory, given the row of the id it is named after. Rows change
/// before directories do, so a directory is where its row says, one step behind, or forgotten.
enum class Repair : std::uint8_t { kKeep, kRemove, kSeal, kUnseal };

/// For uploads/ID: finalized but not moved yet → seal; forgotten → remove.
[[nodiscard]] constexpr Repair repair_of_received(const std::optional<State>& state) {
  if (state == State::kUploading) return Repair::kKeep;
  return state == State::kFinalized ? Repair::kSeal : Repair::kRemove;
}

/// For sealed/ID. One that is uploading was never told to be final, so it may go on.
[[nodiscard]] constexpr Repair repair_of_sealed(const std::optional<State>& state) {
  if (state == State::kFinalized) return Repair::kKeep;
  return state == State::kUploading ? Repair::kUnseal : Repair::kRemove;
}

}  // namespace flashpods::uploads
