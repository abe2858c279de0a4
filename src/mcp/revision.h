#pragma once
// Revisions of the Model Context Protocol (modelcontextprotocol.io/specification) that we speak.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flashpods::mcp {

/// In order of time. Up to 2025-11-25 a session begins with `initialize`; since 2026-07-28 there is
/// no session: each request says its revision and the client's capabilities in `_meta`.
enum class Revision : std::uint8_t {
  k2024_11_05,
  k2025_03_26,
  k2025_06_18,
  k2025_11_25,
  k2026_07_28,
};

[[nodiscard]] std::string_view to_string(Revision revision);
[[nodiscard]] std::optional<Revision> parse_revision(std::string_view text);

/// All of them, newest first.
[[nodiscard]] std::vector<std::string> revision_names();

/// What `initialize` answers: the revision asked for, if it is one with a handshake, else the
/// newest such.
[[nodiscard]] Revision negotiate(std::string_view asked);

[[nodiscard]] constexpr bool has_sessions(Revision r) { return r < Revision::k2026_07_28; }
/// JSON-RPC batches came and went.
[[nodiscard]] constexpr bool has_batches(Revision r) { return r == Revision::k2025_03_26; }
[[nodiscard]] constexpr bool has_annotations(Revision r) { return r >= Revision::k2025_03_26; }
[[nodiscard]] constexpr bool has_structured_content(Revision r) {
  return r >= Revision::k2025_06_18;
}

}  // namespace flashpods::mcp
