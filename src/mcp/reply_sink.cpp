#include "mcp/reply_sink.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace flashpods::mcp {

using nlohmann::json;

struct ReplySink::Batch {
  std::size_t missing = 0;
  json replies = json::array();
};

ReplySink ReplySink::for_batch(LineWriter& writer, std::size_t requests) {
  ReplySink sink{writer};
  sink.batch_ = std::make_shared<Batch>();
  sink.batch_->missing = requests;
  return sink;
}

void ReplySink::send(json reply) const {
  if (!batch_) {
    writer_->send(reply);
    return;
  }
  batch_->replies.push_back(std::move(reply));
  skip();
}

void ReplySink::skip() const {
  if (!batch_ || --batch_->missing > 0 || batch_->replies.empty()) return;
  writer_->send(batch_->replies);
}

}  // namespace flashpods::mcp
