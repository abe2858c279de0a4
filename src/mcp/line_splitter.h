#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace flashpods::mcp {

/// Cuts a byte stream into lines. A line longer than the limit is dropped and reported once, and
/// the stream goes on with the next one; empty lines are passed over.
class LineSplitter {
 public:
  using OnLine = std::function<void(std::string_view line)>;
  using OnTooLong = std::function<void()>;

  LineSplitter(std::size_t limit, OnLine on_line, OnTooLong on_too_long);
  void add(std::string_view piece);

 private:
  void finish_line();

  std::size_t limit_;
  OnLine on_line_;
  OnTooLong on_too_long_;
  std::string line_;
  bool too_long_ = false;
};

}  // namespace flashpods::mcp
