#pragma once
// Rules about the bytes of a log, apart from files.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logs/log_index.h"

namespace flashpods::logs {

/// Lines in `bytes`; a last one without newline counts.
[[nodiscard]] std::uint64_t count_lines(std::string_view bytes);

/// How many bytes at the end are the beginning of a UTF-8 character that is not there in full, 0 to
/// 3. Bytes that no continuation could make valid are not counted.
[[nodiscard]] std::size_t incomplete_tail(std::string_view bytes);

/// How many bytes at the start can only be the rest of a character begun before, 0 to 3.
[[nodiscard]] std::size_t incomplete_head(std::string_view bytes);

/// Each line after the time its first byte was read: "2026-01-21T10:30:00.123Z text", or "- text"
/// where the time is not known. `pieces` describe `bytes` in order, without their offsets' gaps.
/// Bytes before the first newline get a time only if `at_line_start`.
[[nodiscard]] std::string with_timestamps(std::string_view bytes, const std::vector<Piece>& pieces,
                                          bool at_line_start);

}  // namespace flashpods::logs
