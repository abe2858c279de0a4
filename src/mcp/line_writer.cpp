#include "mcp/line_writer.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/json_reader.h"

namespace flashpods::mcp {

namespace asio = boost::asio;

LineWriter::LineWriter(const Executor& executor, Fd out)
    : out_(executor, out.release()), changed_(executor, asio::steady_timer::time_point::max()) {}

void LineWriter::send(const nlohmann::json& message) {
  waiting_.push_back(dump_json(message) + "\n");
  changed_.cancel();
}

void LineWriter::finish() {
  finished_ = true;
  changed_.cancel();
}

Awaitable<void> LineWriter::run() {
  boost::system::error_code error;
  boost::system::error_code ignored;
  while (!error && (!finished_ || !waiting_.empty())) {
    if (waiting_.empty()) {
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    const auto line = std::move(waiting_.front());
    waiting_.pop_front();
    co_await asio::async_write(out_, asio::buffer(line),
                               asio::redirect_error(asio::use_awaitable, error));
  }
}

}  // namespace flashpods::mcp
