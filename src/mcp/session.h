#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "async/task_group.h"
#include "mcp/backend.h"
#include "mcp/client_roots.h"
#include "mcp/line_writer.h"
#include "mcp/reply_sink.h"
#include "mcp/revision.h"
#include "mcp/spawns.h"

namespace flashpods::mcp {

/// One client at the other end of stdio. Lines come in by on_line; answers go out by the writer,
/// each when it is ready. Calls of tools run side by side; all else is answered at once. Close
/// before it is destroyed.
class Session {
 public:
  Session(const Executor& executor, Services services, LineWriter& writer);

  void on_line(std::string_view line);
  void on_line_too_long();

  /// Waits until no call is running.
  Awaitable<void> idle();
  /// Cancels calls and transfers, and waits for their end.
  Awaitable<void> close();

 private:
  /// How one request is to be understood.
  struct Manner {
    Revision revision;
    bool has_roots = false;  ///< without a session: what the request itself declares
  };

  void on_message(const nlohmann::json& message, const ReplySink& sink);
  void on_batch(const nlohmann::json& batch);
  void on_notification(const nlohmann::json& message);
  void on_request(const nlohmann::json& message, const ReplySink& sink);
  void answer(const nlohmann::json& message, const Manner& manner, const ReplySink& sink);
  nlohmann::json initialize(const nlohmann::json& params);
  void start_call(const nlohmann::json& message, const Manner& manner, const ReplySink& sink);
  Awaitable<void> run_call(const Tool& tool, std::shared_ptr<const nlohmann::json> message,
                           Manner manner, ReplySink sink, std::shared_ptr<Event> cancel);
  Awaitable<Result<ToolReply>> invoke(const Tool& tool,
                                      std::shared_ptr<const nlohmann::json> message, Manner manner);

  Executor executor_;
  LineWriter& writer_;
  Backend backend_;
  Spawns spawns_;
  ClientRoots roots_;
  std::optional<Revision> revision_;                     ///< once initialized
  std::map<std::string, std::shared_ptr<Event>> calls_;  ///< by the request's id, as JSON
  TaskGroup tasks_;
};

}  // namespace flashpods::mcp
