#pragma once

#include <cstddef>
#include <memory>

#include <nlohmann/json_fwd.hpp>

#include "mcp/line_writer.h"

namespace flashpods::mcp {

/// Where the answer to one message goes: out at once, or into its batch's array, which goes out
/// when each request of the batch was answered or cancelled (JSON-RPC 2.0, section 6).
class ReplySink {
 public:
  explicit ReplySink(LineWriter& writer) : writer_(&writer) {}

  /// A sink for all requests of one batch.
  [[nodiscard]] static ReplySink for_batch(LineWriter& writer, std::size_t requests);

  void send(nlohmann::json reply) const;
  /// This request gets no answer.
  void skip() const;

 private:
  struct Batch;
  LineWriter* writer_;
  std::shared_ptr<Batch> batch_;
};

}  // namespace flashpods::mcp
