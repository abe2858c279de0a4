#include "mcp/json_rpc.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace flashpods::mcp {

using nlohmann::json;

namespace {

bool is_id(const json& id) { return id.is_string() || id.is_number_integer(); }

}  // namespace

const json& member(const json& object, std::string_view name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string text_member(const json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

const json& params_of(const json& message) {
  static const json kEmpty = json::object();
  const auto& params = member(message, "params");
  return params.is_object() ? params : kEmpty;
}

MessageKind classify(const json& message) {
  if (!message.is_object() || text_member(message, "jsonrpc") != "2.0") {
    return MessageKind::kInvalid;
  }
  const bool has_id = message.contains("id");
  if (message.contains("method")) {
    if (!message["method"].is_string()) return MessageKind::kInvalid;
    if (!has_id) return MessageKind::kNotification;
    return is_id(message["id"]) ? MessageKind::kRequest : MessageKind::kInvalid;
  }
  const bool is_response = message.contains("result") || message.contains("error");
  return has_id && is_response ? MessageKind::kResponse : MessageKind::kInvalid;
}

json make_reply(const json& id, json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

json make_error(const json& id, int code, std::string message) {
  return {
      {"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", std::move(message)}}}};
}

json make_notification(std::string_view method, json params) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

json make_request(std::int64_t id, std::string_view method) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}};
}

}  // namespace flashpods::mcp
