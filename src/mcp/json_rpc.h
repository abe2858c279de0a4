#pragma once
// JSON-RPC 2.0 (jsonrpc.org/specification), as far as MCP uses it.

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace flashpods::mcp {

constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
constexpr int kInternalError = -32603;
constexpr int kUnsupportedVersion = -32022;  ///< MCP 2026-07-28

enum class MessageKind : std::uint8_t { kRequest, kNotification, kResponse, kInvalid };

/// What one JSON value is. A request's id is a string or a whole number (MCP forbids null).
[[nodiscard]] MessageKind classify(const nlohmann::json& message);

[[nodiscard]] nlohmann::json make_reply(const nlohmann::json& id, nlohmann::json result);
[[nodiscard]] nlohmann::json make_error(const nlohmann::json& id, int code, std::string message);
[[nodiscard]] nlohmann::json make_notification(std::string_view method, nlohmann::json params);
[[nodiscard]] nlohmann::json make_request(std::int64_t id, std::string_view method);

/// `params` if it is an object, else an empty one.
[[nodiscard]] const nlohmann::json& params_of(const nlohmann::json& message);

/// A member of an object, or null if it is absent or `object` is none.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, std::string_view name);

/// The member if it is a string, else empty.
[[nodiscard]] std::string text_member(const nlohmann::json& object, std::string_view name);

}  // namespace flashpods::mcp
