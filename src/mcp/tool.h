#pragma once
// A tool as data: what tools/list says of it and what runs when it is called.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "base/error.h"

namespace flashpods::mcp {

class Backend;
class Spawns;

/// Progress of one call: `done` of `total` (absent if unknown) in any unit, with words for a
/// person.
using Progress =
    std::function<void(double done, std::optional<double> total, std::string_view message)>;

/// The client's roots as directories; empty where it has none. May ask the client and wait.
using RootsSource = std::function<Awaitable<std::vector<std::filesystem::path>>()>;

/// One call of a tool. Everything here outlives the handler's run.
struct Call {
  Backend& backend;
  Spawns& spawns;
  const nlohmann::json& arguments;  ///< an object
  Progress progress;
  RootsSource roots;
};

/// What a call gives: short text for the model, and the object that output_schema describes.
struct ToolReply {
  std::string text;
  std::shared_ptr<const nlohmann::json> structured;
};

/// An Error becomes a result with isError, so that the agent can act on it.
using ToolHandler = Awaitable<Result<ToolReply>> (*)(Call& call);

/// What tools/list tells of effects (MCP "ToolAnnotations").
struct Effects {
  bool read_only = false;
  bool destructive = false;
  bool idempotent = false;
};

struct Tool {
  std::string_view name;
  std::string_view title;
  std::string_view description;
  std::string_view input_schema;   ///< JSON text
  std::string_view output_schema;  ///< JSON text
  Effects effects;
  bool uses_paths = false;  ///< asks for the client's roots
  ToolHandler handler = nullptr;
};

}  // namespace flashpods::mcp
