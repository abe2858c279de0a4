#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "base/fd.h"

namespace flashpods::mcp {

/// The way out: one JSON value a line, in the order sent, never two mixed.
class LineWriter {
 public:
  LineWriter(const Executor& executor, Fd out);

  void send(const nlohmann::json& message);

  /// Writes what is sent until finish() was called and all is written, or the reader is gone.
  Awaitable<void> run();
  void finish();

  /// Much is waiting: what may be left out (progress) should be.
  [[nodiscard]] bool is_congested() const { return waiting_.size() > 64; }

 private:
  boost::asio::posix::stream_descriptor out_;
  boost::asio::steady_timer changed_;
  std::deque<std::string> waiting_;
  bool finished_ = false;
};

}  // namespace flashpods::mcp
