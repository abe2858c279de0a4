#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "async/timer.h"
#include "mcp/event.h"
#include "mcp/line_writer.h"

namespace flashpods::mcp {

/// The roots of a client with a session: asked for with roots/list when first needed, kept until it
/// says that they changed.
class ClientRoots {
 public:
  ClientRoots(const Executor& executor, LineWriter& writer, Timer& timer);

  /// The client declared the capability.
  void enable() { enabled_ = true; }

  /// Empty if the client has none, or does not answer in time.
  Awaitable<std::vector<std::filesystem::path>> get();

  /// The client's answer, if this message is one to our question.
  void on_response(const nlohmann::json& message);
  void on_list_changed() { question_.reset(); }

 private:
  struct Question {
    explicit Question(const Executor& executor) : answered(executor) {}
    std::int64_t id = 0;
    std::vector<std::filesystem::path> roots;
    Event answered;
  };

  Executor executor_;
  LineWriter& writer_;
  Timer& timer_;
  bool enabled_ = false;
  std::int64_t last_id_ = 0;
  std::shared_ptr<Question> question_;  ///< the newest, answered or not
};

}  // namespace flashpods::mcp
