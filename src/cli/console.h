#pragma once
// The two streams of a command-line program: what is a terminal, what may be coloured, and that
// nothing from outside reaches them unescaped.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"

namespace flashpods::cli {

/// One output descriptor, as found at start. Borrowed.
struct Stream {
  int fd = -1;
  bool terminal = false;
  bool colour = false;  ///< a terminal that is not "dumb", and NO_COLOR is not set
  std::size_t columns = 80;
};

/// Asks the system about a descriptor.
[[nodiscard]] Stream inspect_stream(int fd);

enum class Style { kPlain, kBold, kDim, kGood, kWarn, kBad };

/// `text` in the style's colour, or as it is.
[[nodiscard]] std::string paint(std::string_view text, Style style, bool colour);

/// stdout carries results and nothing else; stderr carries everything said beside them.
class Console {
 public:
  Console(Stream out, Stream err) : out_(out), err_(err) {}

  [[nodiscard]] const Stream& out() const { return out_; }
  [[nodiscard]] const Stream& err() const { return err_; }
  /// A person can be asked: stdin and stderr are terminals.
  [[nodiscard]] bool interactive() const;

  /// Exactly these bytes on stdout; text of ours or already escaped.
  void print(std::string_view text);
  /// A line on stdout.
  void line(std::string_view text);
  /// A line on stderr.
  void note(std::string_view text);
  /// One JSON value and a newline on stdout.
  void json(const nlohmann::json& value);
  /// "flashpods: message" on stderr. The message may quote what came from outside.
  void error(const Error& error);

 private:
  Stream out_;
  Stream err_;
};

}  // namespace flashpods::cli
