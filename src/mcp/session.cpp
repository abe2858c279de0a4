#include "mcp/session.h"

#include <algorithm>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <nlohmann/json.hpp>

#include "async/with_timeout.h"
#include "base/json_reader.h"
#include "mcp/call_result.h"
#include "mcp/handshake.h"
#include "mcp/json_rpc.h"
#include "mcp/progress_sender.h"
#include "mcp/root_uris.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

using nlohmann::json;

namespace {

constexpr Milliseconds kAnswerWithin{44'000};  ///< the promise is 45 s
constexpr std::size_t kMostCalls = 64;
constexpr const char* kMetaVersion = "io.modelcontextprotocol/protocolVersion";
constexpr const char* kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";

std::string key_of(const json& id) { return dump_json(id); }

/// The id to answer a broken message with: its own if it can be told.
json id_of(const json& message) {
  const auto& id = member(message, "id");
  return id.is_string() || id.is_number_integer() ? id : json(nullptr);
}

json unsupported_version(const json& id, const std::string& asked) {
  auto error = make_error(id, kUnsupportedVersion, "this protocol revision is not supported");
  error["error"]["data"] = {{"supported", revision_names()}, {"requested", asked}};
  return error;
}

/// Asks a client without a session for its roots: the call comes again with the answer.
json ask_for_roots() {
  return {{"resultType", "input_required"},
          {"inputRequests", {{"roots", {{"method", "roots/list"}, {"params", json::object()}}}}}};
}

Error overdue() {
  return {ErrorKind::kTimeout, "timeout",
          "the server did not answer in time; check it with `flashpods doctor` and call again"};
}

Awaitable<void> wait_for(std::shared_ptr<Event> event) { co_await event->wait(); }

Awaitable<std::vector<std::filesystem::path>> these(std::vector<std::filesystem::path> roots) {
  co_return roots;
}

/// A fault of ours ends one call, not the server.
Awaitable<Result<ToolReply>> guarded(const Tool& tool, Call& call) {
  try {
    co_return co_await tool.handler(call);
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) throw;
    co_return fail(ErrorKind::kInternal, "internal_error", error.what());
  } catch (const boost::asio::multiple_exceptions&) {
    throw;  // a || b of which both were cancelled
  } catch (const std::exception& error) {
    co_return fail(ErrorKind::kInternal, "internal_error", error.what());
  }
}

}  // namespace

Session::Session(const Executor& executor, Services services, LineWriter& writer)
    : executor_(executor),
      writer_(writer),
      backend_(std::move(services)),
      spawns_(executor, backend_),
      roots_(executor, writer, backend_.services().timer),
      tasks_(executor, [](const std::string&, const std::string&) {}) {}

void Session::on_line_too_long() {
  writer_.send(make_error(nullptr, kInvalidRequest, "a message may hold at most 4 MB"));
}

void Session::on_line(std::string_view line) {
  const auto message = parse_json(line);
  if (!message) {
    writer_.send(make_error(nullptr, kParseError, message.error().message));
  } else if (message->is_array()) {
    on_batch(*message);
  } else {
    on_message(*message, ReplySink{writer_});
  }
}

void Session::on_batch(const json& batch) {
  if (batch.empty() || !revision_ || !has_batches(*revision_)) {
    writer_.send(make_error(nullptr, kInvalidRequest, "this protocol revision has no batches"));
    return;
  }
  const auto answers = std::ranges::count_if(batch, [](const json& message) {
    const auto kind = classify(message);
    return kind == MessageKind::kRequest || kind == MessageKind::kInvalid;
  });
  const auto sink = ReplySink::for_batch(writer_, static_cast<std::size_t>(answers));
  for (const auto& message : batch) on_message(message, sink);
}

void Session::on_message(const json& message, const ReplySink& sink) {
  switch (classify(message)) {
    case MessageKind::kRequest:
      return on_request(message, sink);
    case MessageKind::kNotification:
      return on_notification(message);
    case MessageKind::kResponse:
      return roots_.on_response(message);
    case MessageKind::kInvalid:
      sink.send(make_error(id_of(message), kInvalidRequest, "not a JSON-RPC 2.0 message"));
  }
}

void Session::on_notification(const json& message) {
  const auto method = text_member(message, "method");
  if (method == "notifications/roots/list_changed") roots_.on_list_changed();
  if (method != "notifications/cancelled") return;
  const auto found = calls_.find(key_of(member(params_of(message), "requestId")));
  if (found != calls_.end()) found->second->set();
}

void Session::on_request(const json& message, const ReplySink& sink) {
  const auto& id = message["id"];
  const auto& meta = member(params_of(message), "_meta");
  if (const auto& asked = member(meta, kMetaVersion); asked.is_string()) {
    const auto revision = parse_revision(asked.get<std::string>());
    if (!revision) return sink.send(unsupported_version(id, asked.get<std::string>()));
    const auto& capabilities = member(meta, kMetaCapabilities);
    return answer(message, {*revision, member(capabilities, "roots").is_object()}, sink);
  }
  const auto method = text_member(message, "method");
  if (method == "initialize") return sink.send(make_reply(id, initialize(params_of(message))));
  if (method == "ping") return sink.send(make_reply(id, json::object()));
  if (revision_) return answer(message, {*revision_}, sink);
  const bool is_known =
      method == "tools/list" || method == "tools/call" || method == "server/discover";
  sink.send(make_error(id, is_known ? kInvalidRequest : kMethodNotFound,
                       is_known ? "send initialize first" : "there is no method " + method));
}

json Session::initialize(const json& params) {
  revision_ = negotiate(text_member(params, "protocolVersion"));
  if (member(member(params, "capabilities"), "roots").is_object()) roots_.enable();
  return initialize_result(*revision_);
}

void Session::answer(const json& message, const Manner& manner, const ReplySink& sink) {
  const auto& id = message["id"];
  const auto method = text_member(message, "method");
  if (method == "tools/call") return start_call(message, manner, sink);
  if (method == "tools/list") return sink.send(make_reply(id, tools_list_result(manner.revision)));
  if (method == "server/discover" && !has_sessions(manner.revision)) {
    return sink.send(make_reply(id, discover_result()));
  }
  sink.send(make_error(id, kMethodNotFound, "there is no method " + method));
}

void Session::start_call(const json& message, const Manner& manner, const ReplySink& sink) {
  const auto& id = message["id"];
  const auto& params = params_of(message);
  const auto name = text_member(params, "name");
  const auto* tool = find_tool(name);
  const auto& arguments = member(params, "arguments");
  if (tool == nullptr) {
    return sink.send(make_error(id, kInvalidParams, "Unknown tool: " + name));
  }
  if (!arguments.is_null() && !arguments.is_object()) {
    return sink.send(make_error(id, kInvalidParams, "arguments must be an object"));
  }
  if (calls_.size() >= kMostCalls || calls_.contains(key_of(id))) {
    return sink.send(make_error(id, kInvalidRequest, "too many calls, or an id in use"));
  }
  const auto& responses = member(params, "inputResponses");
  if (tool->uses_paths && manner.has_roots && member(responses, "roots").is_null()) {
    return sink.send(make_reply(id, ask_for_roots()));
  }
  auto cancel = std::make_shared<Event>(executor_);
  calls_[key_of(id)] = cancel;
  auto copy = std::make_shared<const json>(message);
  tasks_.start("call", run_call(*tool, std::move(copy), manner, sink, std::move(cancel)));
}

Awaitable<Result<ToolReply>> Session::invoke(const Tool& tool, std::shared_ptr<const json> message,
                                             Manner manner) {
  static const json kNone = json::object();
  const auto& params = params_of(*message);
  const auto& arguments = member(params, "arguments");
  RootsSource roots = [this] { return roots_.get(); };
  if (!has_sessions(manner.revision)) {
    auto given = read_roots(member(member(params, "inputResponses"), "roots"));
    roots = [given] { return these(given); };
  }
  Call call{backend_, spawns_, arguments.is_object() ? arguments : kNone,
            make_progress(params, writer_, backend_.services().clock), std::move(roots)};
  auto outcome = co_await guarded(tool, call);
  if (!outcome && (outcome.error().kind == ErrorKind::kUnauthorized ||
                   outcome.error().kind == ErrorKind::kUnavailable)) {
    backend_.forget();
  }
  co_return outcome;
}

Awaitable<void> Session::run_call(const Tool& tool, std::shared_ptr<const json> message,
                                  Manner manner, ReplySink sink, std::shared_ptr<Event> cancel) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto call = invoke(tool, message, manner);
  auto in_time = with_timeout(backend_.services().timer, kAnswerWithin, std::move(call));
  auto first = co_await (std::move(in_time) || wait_for(cancel));
  const auto& id = (*message)["id"];
  calls_.erase(key_of(id));
  if (first.index() == 1) co_return sink.skip();
  auto outcome = std::get<0>(std::move(first)).value_or(std::unexpected(overdue()));
  sink.send(make_reply(id, make_call_result(outcome, manner.revision, backend_.services().random)));
}

Awaitable<void> Session::idle() { return tasks_.join(); }

Awaitable<void> Session::close() {
  co_await tasks_.close();
  co_await spawns_.close();
}

}  // namespace flashpods::mcp
