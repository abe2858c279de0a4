#include "mcp/line_splitter.h"

#include <utility>

namespace flashpods::mcp {

LineSplitter::LineSplitter(std::size_t limit, OnLine on_line, OnTooLong on_too_long)
    : limit_(limit), on_line_(std::move(on_line)), on_too_long_(std::move(on_too_long)) {}

void LineSplitter::finish_line() {
  const auto line = std::exchange(line_, {});
  if (std::exchange(too_long_, false)) {
    on_too_long_();
  } else if (line.find_first_not_of(" \t\r") != std::string::npos) {
    on_line_(line);
  }
}

void LineSplitter::add(std::string_view piece) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    const auto part = piece.substr(0, end);
    if (line_.size() + part.size() > limit_) {
      too_long_ = true;
      line_.clear();
    }
    if (!too_long_) line_ += part;
    if (end == std::string_view::npos) return;
    finish_line();
    piece.remove_prefix(end + 1);
  }
}

}  // namespace flashpods::mcp
