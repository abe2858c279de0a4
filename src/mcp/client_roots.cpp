#include "mcp/client_roots.h"

#include <nlohmann/json.hpp>

#include "async/with_timeout.h"
#include "mcp/json_rpc.h"
#include "mcp/root_uris.h"

namespace flashpods::mcp {

namespace {

constexpr Milliseconds kAnswerWithin{5'000};

}  // namespace

ClientRoots::ClientRoots(const Executor& executor, LineWriter& writer, Timer& timer)
    : executor_(executor), writer_(writer), timer_(timer) {}

Awaitable<std::vector<std::filesystem::path>> ClientRoots::get() {
  if (!enabled_) co_return std::vector<std::filesystem::path>{};
  if (!question_) {
    question_ = std::make_shared<Question>(executor_);
    question_->id = ++last_id_;
    writer_.send(make_request(question_->id, "roots/list"));
  }
  const auto question = question_;
  auto answered = question->answered.wait();
  const bool in_time = co_await with_timeout(timer_, kAnswerWithin, std::move(answered));
  if (!in_time && question_ == question) question_.reset();
  co_return question->roots;
}

void ClientRoots::on_response(const nlohmann::json& message) {
  if (!question_ || member(message, "id") != question_->id) return;
  question_->roots = read_roots(member(message, "result"));
  question_->answered.set();
}

}  // namespace flashpods::mcp
